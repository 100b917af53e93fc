import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { random } from '../random.ts';
import { type BenchmarkPair, type Game, mean } from './benchmark.ts';
import { type BenchmarkChoice, type ChoiceGame, type ChoiceVerdict, choicePoints } from './choice.ts';
import { choiceControl } from './choice-control.ts';
import { scoreChoices } from './choice-score.ts';
import { conditionalLogit } from './conditional-logit.ts';
import { customK } from './custom-k.ts';
import { lengthControl } from './length.ts';
import { styleControl } from './style.ts';

const choice = (i: number, responses: readonly string[], right = 1): BenchmarkChoice => ({
  id: `${i}`,
  prompt: `${i}`,
  section: `s${i % 2}`,
  subset: `s${i % 2}`,
  instruction: 'x',
  responses,
  right,
  ratingsOnly: false,
});

describe('conditionalLogit', () => {
  // Choices of 3 or 4, of which every tenth is a tie of two; three of a prompt.
  const rows = (ties: boolean) =>
    Array.from({ length: 60 }, (_, i) => {
      const n = 3 + (i % 2);
      const named = i % 3 === 0 ? 0 : ((i * i * 3 + i) % 7) % n;
      const both = ties && i % 10 === 0 ? [named, (named + 1) % n] : [named];
      return {
        x: Array.from({ length: n }, (_, a) => [
          a === 0 ? 1 : 0,
          (((i * 7 + a * 5) % 13) - 6) / 4,
          (((i * 5 + a * 9) % 11) - 5) / 5,
        ]),
        shares: Array.from({ length: n }, (_, a) => (both.includes(a) ? 1 / both.length : 0)),
        prompt: String(Math.floor(i / 3)),
      };
    });

  // statsmodels 0.15.0's ConditionalLogit, a tie as two choices of half the weight; errors clustered by prompt in NumPy.
  it.each([
    [
      false,
      [1.6316880285455855, 0.09488012578786359, 0.3569140991963795],
      [0.19681777724400207, 0.19383076741000638, 0.27960147918519035],
    ],
    [
      true,
      [1.6218020493253027, 0.21066373013993797, 0.40931563604500465],
      [0.17227753101284815, 0.175981347804669, 0.27277242048937855],
    ],
  ])("agrees with statsmodels' ConditionalLogit, ties %s", (ties, coefficients, errors) => {
    const fit = conditionalLogit(rows(ties));
    for (const [i, value] of coefficients.entries()) expect(fit.coefficients[i]).toBeCloseTo(value, 3);
    for (const [i, value] of errors.entries()) expect(fit.errors[i]).toBeCloseTo(value, 3);
  });
});

describe('choiceControl', () => {
  const words = fc.constantFrom('no', 'yes '.repeat(3), '# a\n- b\n- c', '**bold** text', 'x'.repeat(40));

  it('is the control of pairs where there are two responses', () => {
    const said = fc.array(fc.tuple(words, words, fc.boolean()), { minLength: 12, maxLength: 40 });
    fc.assert(
      fc.property(said, (rows) => {
        const pairs = rows.map(([first, second, right], i): Game => {
          const pair: BenchmarkPair = { ...choice(i, []), first, second, gold: 'first' };
          return { pair, verdicts: { ab: right ? 'A' : 'B' } };
        });
        const choices = rows.map(
          ([first, second, right], i): ChoiceGame => ({
            choice: choice(i, [first, second]),
            verdict: { named: right ? 0 : 1 },
          }),
        );
        const found = choiceControl(choices);
        const [length, style] = [lengthControl(pairs), styleControl(pairs)];
        expect(found?.length.accuracyAtEqualLength).toBeCloseTo(length.accuracyAtEqualLength, 4);
        expect(found?.length.coefficient).toBeCloseTo(length.coefficient, 3);
        expect(found?.length.coefficientInterval[1]).toBeCloseTo(length.coefficientInterval[1], 3);
        expect(found?.length.longerIsBetter).toBeCloseTo(length.longerIsBetter, 12);
        expect(found?.length.spread).toBeCloseTo(length.spread, 9);
        expect(found?.length.fifths.map(({ verdicts }) => verdicts)).toEqual(
          length.fifths.map(({ verdicts }) => verdicts),
        );
        expect(found?.style.accuracyAtEqualStyle).toBeCloseTo(style.accuracyAtEqualStyle, 4);
      }),
      { numRuns: 30 },
    );
  });

  it('is what an independent program makes of three to five responses, one or two of them right', () => {
    const text = (i: number, k: number) =>
      `${(i + k) % 3 === 0 ? '# head\n' : ''}${'word '.repeat(5 + ((i * 7 + k * 11) % 40))}${'\n- item'.repeat(
        (i + 2 * k) % 4,
      )}${' **bold**'.repeat((i * k) % 3)}`;
    const games = Array.from({ length: 120 }, (_, i): ChoiceGame => {
      const n = 3 + (i % 3);
      const responses = Array.from({ length: n }, (_, k) => text(i, k));
      const named = i % 2 === 0 ? 0 : ((i * i + 3 * i) % 7) % n;
      const own = choice(i, responses, i % 5 === 0 ? 2 : 1);
      return { choice: { ...own, prompt: `${i >> 1}` }, verdict: { named } };
    });
    // Features in NumPy, the fit by statsmodels 0.15.0's ConditionalLogit without our weak prior, errors clustered by prompt.
    const { length, style } = choiceControl(games) as NonNullable<ReturnType<typeof choiceControl>>;
    expect(length.spread).toBeCloseTo(75.49753184584787, 9);
    expect(length.accuracyAtEqualLength).toBeCloseTo(0.7827868279600625, 3);
    expect(length.interval[0]).toBeCloseTo(0.7169329336574823, 3);
    expect(length.interval[1]).toBeCloseTo(0.8372293581379487, 3);
    expect(length.coefficient).toBeCloseTo(-0.12031144407319712, 3);
    expect(style.accuracyAtEqualStyle).toBeCloseTo(0.7132495783161903, 3);
    expect(style.interval[0]).toBeCloseTo(0.6337488785664919, 3);
    expect(style.interval[1]).toBeCloseTo(0.7820561903784158, 3);
    for (const [feature, value] of Object.entries({
      length: -0.28042262528541145,
      headers: 0.14806109507573384,
      lists: -0.27298210459830563,
      bold: -1.1387837374309833,
    }))
      expect(style.coefficients[feature as 'length']?.value).toBeCloseTo(value, 3);
  });

  it('gives the mean of the points where all responses are alike, however many there are', () => {
    const verdict = (n: number) =>
      fc.oneof(
        fc.nat(n - 1).map((named): ChoiceVerdict => ({ named })),
        fc.constant<ChoiceVerdict>({ none: 'invalid' }),
        fc
          .array(fc.integer({ min: 1, max: 3 }), { minLength: n, maxLength: n })
          .map((ratings): ChoiceVerdict => ({ ratings })),
      );
    const game = fc
      .integer({ min: 2, max: 6 })
      .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 1, max: n - 1 }), verdict(n)));
    fc.assert(
      fc.property(fc.array(game, { minLength: 20, maxLength: 60 }), (rows) => {
        const games = rows.map(([n, right, said], i): ChoiceGame => {
          const responses = Array.from({ length: n }, (_, k) => `${k}`);
          return { choice: choice(i, responses, right), verdict: said };
        });
        const { length, style } = choiceControl(games) as NonNullable<ReturnType<typeof choiceControl>>;
        expect(length.accuracyAtEqualLength).toBeCloseTo(mean(games.map(choicePoints)), 3);
        expect(style.accuracyAtEqualStyle).toBeCloseTo(mean(games.map(choicePoints)), 3);
        expect(style.coefficients).toEqual({ length: null, headers: null, lists: null, bold: null });
      }),
      { numRuns: 50 },
    );
  });

  it('finds what made a judge that is drawn from the model, and sees through its love of length', () => {
    const next = random(1);
    // Right ones are longer than the others: such a judge looks better than it is.
    const choices = Array.from({ length: 4000 }, (_, i) =>
      choice(
        i,
        Array.from({ length: 4 }, (_, k) => 'x'.repeat(100 + next() * 100 + (k === 0 ? 60 : 0))),
      ),
    );
    const longer = choices.map(({ responses }) => {
      const sum = responses.reduce((total, { length }) => total + length, 0);
      return responses.map(({ length }) => length - (sum - length) / 3);
    });
    const spread = Math.sqrt(mean(longer.flat().map((value) => value ** 2)));
    const [theta, beta] = [0.5, 3];
    const games = choices.map((own, i): ChoiceGame => {
      const weights = (longer[i] ?? []).map((value, k) =>
        Math.exp((k === 0 ? theta : 0) + (beta / 2) * Math.tanh(value / spread)),
      );
      let left = next() * weights.reduce((a, b) => a + b);
      const named = weights.findIndex((weight) => {
        left -= weight;
        return left < 0;
      });
      return { choice: own, verdict: { named } };
    });
    const { length } = choiceControl(games) as NonNullable<ReturnType<typeof choiceControl>>;
    const equal = Math.exp(theta) / (Math.exp(theta) + 3);
    expect(mean(games.map(choicePoints))).toBeGreaterThan(equal + 0.15);
    expect(length.interval[0]).toBeLessThan(equal);
    expect(length.interval[1]).toBeGreaterThan(equal);
    expect(length.interval[1] - length.interval[0]).toBeLessThan(0.06);
    expect(length.coefficientInterval[0]).toBeLessThan(beta);
    expect(length.coefficientInterval[1]).toBeGreaterThan(beta);
  });

  it('stays finite where all are right, wrong or silent, and is none without what counts', () => {
    const said = (verdict: ChoiceVerdict, count: number) =>
      Array.from({ length: count }, (_, i) => ({ choice: choice(i, ['a', 'bb', '# ccc']), verdict }));
    for (const verdict of [
      { named: 0 },
      { named: 2 },
      { none: 'refused' },
      { ratings: [null, null, null] },
    ] as const)
      for (const count of [1, 30]) {
        const score = scoreChoices(customK, said(verdict, count), [], 'best-of-n');
        expect(JSON.stringify(score)).not.toMatch(/NaN|Infinity/);
        expect(score.length?.accuracyAtEqualLength).toBeGreaterThanOrEqual(0);
        expect(score.length?.interval[0]).toBeLessThan(score.length?.interval[1] ?? 0);
        for (const value of [score.style?.accuracyAtEqualStyle, score.length?.coefficient])
          expect(Number.isFinite(value)).toBe(true);
      }
    const rated = said({ ratings: [3, 2, 1] }, 5).map((game) => ({
      ...game,
      choice: { ...game.choice, ratingsOnly: true },
    }));
    expect(choiceControl(rated)).toBeNull();
    expect(scoreChoices(customK, rated, [], 'ratings')).toMatchObject({
      chance: null,
      length: null,
      style: null,
    });
  });
});

it('gives every section its interval', () => {
  const games = Array.from(
    { length: 60 },
    (_, i): ChoiceGame => ({
      choice: choice(i, ['a', 'b', 'c']),
      verdict: { named: i % 3 },
    }),
  );
  const { official } = scoreChoices(customK, games, [], 'best-of-n');
  expect(official.parts).toHaveLength(2);
  for (const { score, interval } of [official, ...(official.parts ?? [])]) {
    expect(interval[0]).toBeLessThan(score);
    expect(interval[1]).toBeGreaterThan(score);
  }
  // A section is smaller than the whole, so less is known of it.
  const width = ({ interval: [low, high] }: { readonly interval: readonly [number, number] }) => high - low;
  for (const part of official.parts ?? []) expect(width(part)).toBeGreaterThan(width(official));
});

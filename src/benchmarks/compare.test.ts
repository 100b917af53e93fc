import { describe, expect, it } from 'vitest';
import type { VerdictKind } from '../types.ts';
import type { BenchmarkPair, Game } from './benchmark.ts';
import type { ChoiceGame } from './choice.ts';
import { compareChoices, compareOn } from './compare.ts';
import { custom } from './custom.ts';
import { customK } from './custom-k.ts';
import { judgebench } from './judgebench.ts';

const pairs = Array.from(
  { length: 60 },
  (_, i): BenchmarkPair => ({
    id: String(i),
    prompt: String(i),
    section: 'all',
    subset: 'all',
    instruction: `question ${i}`,
    first: 'yes',
    second: 'no',
    gold: 'first',
  }),
);
const games = (said: (i: number) => readonly [VerdictKind, VerdictKind]): Game[] =>
  pairs.map((pair, i) => {
    const [ab, ba] = said(i);
    return { pair, verdicts: { ab, ba } };
  });
const of = (list: readonly Game[]) => ({ games: list, seed: 0 });
const right = ['A', 'B'] as const;
const wrong = ['B', 'A'] as const;

describe('compareOn', () => {
  it('tests the discordant pairs exactly, and knows what two judges share', () => {
    // Both right on 30, the first alone on 8, the second alone on 2; the binomial test of scipy: binomtest(2, 10).pvalue.
    const first = games((i) => (i < 38 ? right : wrong));
    const second = games((i) => (i < 30 || (i >= 38 && i < 40) ? right : wrong));
    const found = compareOn(judgebench, of(first), of(second));
    expect(found).toMatchObject({ pairs: 60, unmatched: 0, tested: 60, firstOnly: 8, secondOnly: 2 });
    expect(found?.p).toBeCloseTo(0.109375, 12);
    expect(found?.difference).toBeCloseTo(0.1, 12);
    // Each draw is a mean of 60 values +1 (8), −1 (2), 0 (50): standard error √((10/60 − 0.01) / 60) = 0.0511.
    const [low, high] = found?.interval ?? [0, 0];
    expect((high - low) / 2).toBeGreaterThan(0.085);
    expect((high - low) / 2).toBeLessThan(0.115);
    const back = compareOn(judgebench, of(second), of(first));
    expect(back).toMatchObject({ firstOnly: 2, secondOnly: 8, p: found?.p });
    expect(back?.interval[0]).toBeCloseTo(-high, 1);
  });

  it('is narrower than two judges apart, whose errors fall on the same pairs', () => {
    const first = games((i) => (i % 2 ? right : wrong));
    const second = games((i) => (i % 2 && i !== 1 ? right : wrong));
    const [low, high] = compareOn(custom, of(first), of(second))?.interval ?? [0, 1];
    expect(high - low).toBeLessThan(0.1);
  });

  it('takes the pairs that both have, and where the orders do not match in full the one that both have', () => {
    const first = games(() => right).slice(0, 40);
    const second = games(() => wrong).slice(20);
    expect(compareOn(custom, of(first), of(second))).toMatchObject({ pairs: 20, unmatched: 40 });
    expect(compareOn(custom, of(first.slice(0, 20)), of(second))).toBeNull();
    const once = pairs.map((pair): Game => ({ pair, verdicts: { ba: 'A' } }));
    expect(compareOn(custom, of(first), of(once))).toMatchObject({
      unit: 'one order',
      tested: 40,
      firstOnly: 40,
      secondOnly: 0,
    });
  });

  it('never gives an interval without width', () => {
    const same = games(() => right);
    const [low, high] = compareOn(custom, of(same), of(same))?.interval ?? [0, 0];
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
  });
});

describe('compareChoices', () => {
  const choices = pairs.map(({ id, prompt, section, subset, instruction }) => ({
    ...{ id, prompt, section, subset, instruction, right: 1, ratingsOnly: false },
    responses: ['yes', 'no', 'maybe'],
  }));
  const named = (right: (i: number) => boolean): ChoiceGame[] =>
    choices.map((choice, i) => ({ choice, verdict: { named: right(i) ? 0 : 1 } }));

  it('tests right choices as pairs are tested', () => {
    const first = named((i) => i < 38);
    const second = named((i) => i < 30 || (i >= 38 && i < 40));
    const found = compareChoices(customK, first, second);
    expect(found).toMatchObject({
      pairs: 60,
      tested: 60,
      firstOnly: 8,
      secondOnly: 2,
      unit: 'a right choice',
    });
    expect(found?.p).toBeCloseTo(0.109375, 12);
    expect(found?.difference).toBeCloseTo(0.1, 12);
  });

  it('choices without a verdict count what a guess would, and are no right ones', () => {
    const none: ChoiceGame[] = choices.map((choice) => ({ choice, verdict: { none: 'invalid' } }));
    const found = compareChoices(
      customK,
      named(() => true),
      none,
    );
    expect(found).toMatchObject({ first: 1, firstOnly: 60, secondOnly: 0 });
    expect(found?.second).toBeCloseTo(1 / 3, 12);
    expect(compareChoices(customK, named(() => true).slice(0, 5), none.slice(5))).toBeNull();
  });
});

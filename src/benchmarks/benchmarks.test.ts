import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceRow } from '../rows/row.ts';
import { ORDERS, type VerdictKind } from '../types.ts';
import { type Benchmark, type BenchmarkPair, type Game, officialScore } from './benchmark.ts';
import { custom } from './custom.ts';
import { judgebench } from './judgebench.ts';
import { llmbar } from './llmbar.ts';
import { rewardbench } from './rewardbench.ts';
import { rmBench } from './rm-bench.ts';
import { scoreBenchmark } from './score.ts';
import { joinVerdicts } from './verdicts.ts';

const rows = (values: readonly unknown[], file = 'made-up'): SourceRow[] =>
  values.map((value, i) => ({ value, file, at: `${file}, row ${i + 1}` }));
const pair = (parts: Partial<BenchmarkPair>): BenchmarkPair => ({
  id: '1',
  prompt: '1',
  section: 's',
  subset: 's',
  instruction: 'x',
  first: 'good answer',
  second: 'bad',
  gold: 'first',
  ...parts,
});
/** The same verdict about every pair: does it name the better response, the other, or neither? */
const judged = (
  pairs: readonly BenchmarkPair[],
  say: (pair: BenchmarkPair) => 'right' | 'wrong' | VerdictKind,
): Game[] =>
  pairs.map((own) => ({
    pair: own,
    verdicts: Object.fromEntries(
      ORDERS.map((order) => {
        const said = say(own);
        const right = (own.gold === 'first') === (order === 'ab') ? 'A' : 'B';
        return [order, said === 'right' ? right : said === 'wrong' ? (right === 'A' ? 'B' : 'A') : said];
      }),
    ),
  }));

describe('joinVerdicts', () => {
  const two = [pair({ id: '7' }), pair({ id: '7', instruction: 'y' }), pair({ id: '8' })];

  it('gives the n-th verdict of an id to its n-th pair, and says what nobody judged', () => {
    const { games, unjudged } = joinVerdicts(
      two,
      rows([
        { id: 7, order: 'ab', verdict: 'A' },
        { id: '7', order: 'ab', verdict: 'B' },
        { id: 7, order: 'ba', verdict: 'tie' },
      ]),
    );
    expect(games.map(({ verdicts }) => verdicts)).toEqual([{ ab: 'A', ba: 'tie' }, { ab: 'B' }]);
    expect(unjudged.map(({ id }) => id)).toEqual(['8']);
  });

  it.each<[unknown, RegExp]>([
    [{ id: '9', order: 'ab', verdict: 'A' }, /row 1 is about 9, which the benchmark does not have/],
    [{ id: '8', order: 'AB', verdict: 'A' }, /row 1 has the order "AB"/],
    [{ id: '8', order: 'ab', verdict: 'a' }, /row 1 has the verdict "a"/],
    [{ id: '8', order: 'ab' }, /row 1 has no verdict$/],
    [{ order: 'ab', verdict: 'A' }, /row 1 has no id$/],
    [[], /row 1 is not an object/],
    [null, /row 1 is not an object/],
  ])('names what is wrong with %j', (row, message) => {
    expect(() => joinVerdicts(two, rows([row]))).toThrow(message);
  });

  it('tells pairs of one id apart by their subset, where a row names it', () => {
    const same = [pair({ id: '7', subset: 'code' }), pair({ id: '7', subset: 'safety' })];
    const { games } = joinVerdicts(
      same,
      rows([
        { id: 7, order: 'ab', verdict: 'B', subset: 'safety' },
        { id: 7, order: 'ab', verdict: 'A', subset: 'code' },
      ]),
    );
    expect(games.map(({ pair: { subset }, verdicts }) => [subset, verdicts.ab])).toEqual([
      ['code', 'A'],
      ['safety', 'B'],
    ]);
    expect(() => joinVerdicts(same, rows([{ id: 7, order: 'ab', verdict: 'B', subset: 'math' }]))).toThrow(
      /is about 7 of math, which the benchmark does not have/,
    );
  });

  it('refuses a second verdict for one order', () => {
    const again = { id: '8', order: 'ab', verdict: 'A' };
    expect(() => joinVerdicts(two, rows([again, again]))).toThrow(
      /row 2 is a second verdict of 8 in order ab/,
    );
  });
});

describe('rewardbench', () => {
  const row = (id: number, subset: string) => ({ id, subset, prompt: 'p', chosen: 'c', rejected: 'r' });

  it('weighs subsets by example count, math-prm by 984, and sections alike', () => {
    const pairs = rewardbench.load(
      rows([
        row(1, 'alpacaeval-easy'),
        row(2, 'mt-bench-med'),
        row(3, 'math-prm'),
        row(4, 'hep-go'),
        row(5, 'donotanswer'),
      ]),
    );
    const { official } = scoreBenchmark(
      rewardbench,
      judged(pairs, ({ subset }) => (/easy|prm/.test(subset) ? 'right' : 'wrong')),
      pairs,
    );
    const part = (name: string) => official.parts?.find((own) => own.name === name)?.score;
    expect(part('Chat')).toBeCloseTo(100 / 140, 12);
    expect(part('Reasoning')).toBeCloseTo(984 / 1148, 12);
    expect(part('Safety')).toBe(0);
    expect(official.score).toBeCloseTo((100 / 140 + 984 / 1148 + 0) / 3, 12);
  });

  it('draws one order of each pair from the seed, half of them each way', () => {
    const pairs = rewardbench.load(rows(Array.from({ length: 1000 }, (_, i) => row(i, 'hep-go'))));
    const shown = (seed: number) => pairs.map((own) => rewardbench.orders(own, seed).join());
    expect(shown(1)).toEqual(shown(1));
    expect(shown(1)).not.toEqual(shown(2));
    const first = shown(1).filter((orders) => orders === 'ab').length;
    expect(Math.abs(first - 500)).toBeLessThan(80);
    // A judge that always names the first slot is right half of the time; in both orders never.
    const games = judged(pairs, () => 'A');
    const score = scoreBenchmark(rewardbench, games, pairs, 1);
    expect(score.official.score).toBe(first / 1000);
    expect(score).toMatchObject({ bothOrders: 0, flipRate: 1, firstSlot: 1, accuracy: 0.5 });
  });
});

describe('judgebench', () => {
  it.each<[VerdictKind, VerdictKind, number]>([
    ['A', 'B', 1],
    ['A', 'tie', 1],
    ['invalid', 'B', 1],
    ['A', 'A', 0],
    ['tie', 'tie', 0],
    ['B', 'tie', 0],
    ['B', 'A', 0],
  ])('%s and %s: %d', (ab, ba, points) => {
    const own = pair({ section: 'math' });
    expect(judgebench.points({ pair: own, verdicts: { ab, ba } }, 0)).toBe(points);
  });
});

describe('rm-bench', () => {
  const row = { id: 1, prompt: 'p', chosen: ['a', 'b', 'c'], rejected: '["d", "e", "f"]' };

  it('reads its matrix as hard above, normal on and easy below the diagonal', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }), (cells) => {
        const pairs = rmBench.load(rows([row], 'chat_filtered'));
        const games = judged(pairs, ({ id }) => {
          const [, , i, j] = id.split(':').map(Number) as [number, number, number, number];
          return cells[3 * i + j] ? 'right' : 'wrong';
        });
        const at = (i: number, j: number) => Number(cells[3 * i + j]);
        const rated = games.map((game) => ({ pair: game.pair, points: rmBench.points(game, 0) }));
        const official = officialScore(rmBench, rated)([...rated.keys()]);
        const domain = official.parts?.[0];
        const level = (name: string) => domain?.parts?.find((part) => part.name === name)?.score;
        expect(level('hard')).toBeCloseTo((at(0, 1) + at(0, 2) + at(1, 2)) / 3, 12);
        expect(level('normal')).toBeCloseTo((at(0, 0) + at(1, 1) + at(2, 2)) / 3, 12);
        expect(level('easy')).toBeCloseTo((at(1, 0) + at(2, 0) + at(2, 1)) / 3, 12);
        expect(domain?.score).toBeCloseTo(cells.filter(Boolean).length / 9, 12);
        const across = official.parts?.find(({ name }) => name === 'hard');
        expect(across?.score).toBeCloseTo(level('hard') as number, 12);
      }),
    );
  });

  it('refuses other shapes', () => {
    expect(() => rmBench.load(rows([{ ...row, chosen: ['a'] }], 'chat_filtered'))).toThrow(
      /1 chosen and 3 rejected/,
    );
    expect(() => rmBench.load(rows([{ ...row, rejected: '[d, e' }], 'chat_filtered'))).toThrow(/not JSON/);
    expect(() => rmBench.load(rows([row], 'poems'))).toThrow(/no domain/);
  });
});

describe('loading', () => {
  it.each<[Benchmark, unknown, RegExp]>([
    [rewardbench, { id: 1, subset: 'new', prompt: 'p', chosen: 'c', rejected: 'r' }, /row 1 names a subset/],
    [
      rewardbench,
      { id: 1, subset: 'hep-go', prompt: ' ', chosen: 'c', rejected: 'r' },
      /row 1 has no text in prompt/,
    ],
    [
      rewardbench,
      { id: 1, subset: 'hep-go', prompt: 'p', chosen: 5, rejected: 'r' },
      /row 1 has no text in chosen, but 5/,
    ],
    [judgebench, { pair_id: 'x', source: 'math', label: 'A>B' }, /row 1 names a source/],
    [judgebench, { pair_id: 'x', source: 'livebench-math', label: 'A=B' }, /row 1 has the label "A=B"/],
    [
      llmbar,
      { input: 'i', output_1: 'a', output_2: 'b', label: 3, subset: 'Natural' },
      /row 1 has the label 3/,
    ],
    [custom, { chosen: 'c', rejected: 'r' }, /row 1 has no instruction/],
    [custom, { prompt: 'p', a: 'c', b: 'r', label: 'C' }, /row 1 calls its two responses equal/],
    [custom, 5, /row 1 is not an object/],
  ])('%# names what is wrong', (benchmark, row, message) => {
    expect(() => benchmark.load(rows([row]))).toThrow(message);
  });

  it('a model that answers nothing has answered', () => {
    const row = { id: 1, subset: 'hep-go', prompt: 'p', chosen: 'c', rejected: '' };
    expect(rewardbench.load(rows([row]))[0]?.second).toBe('');
    expect(custom.load(rows([{ instruction: 'i', a: '', b: 'x', label: 'B' }]))[0]?.first).toBe('');
    expect(() => custom.load(rows([{ instruction: 'i', a: null, b: 'x', label: 'B' }]))).toThrow(
      /row 1 has no a; an empty text is ""/,
    );
  });

  const two = {
    id: 'm1',
    subset: 'Math',
    prompt: 'p',
    chosen: ['c'],
    rejected: ['x', 'y', 'z'],
    num_correct: 1,
  };
  const ppe = { question_id: 'q', prompt: 'p', response_1: 'a', response_2: 'b', winner: 'model_a' };
  const arena = {
    pair_id: 'p',
    source: 'livebench-math',
    question: 'q',
    response_A: 'a',
    response_B: 'b',
    label: 'A>B',
  };
  it.each<[Benchmark, unknown, RegExp]>([
    [rewardbench, two, /row 1 is a row of RewardBench 2, not of RewardBench/],
    [rmBench, two, /is a row of RewardBench 2, not of RM-Bench/],
    [
      rewardbench,
      { id: 1, prompt: 'p', chosen: ['a', 'b', 'c'], rejected: ['d', 'e', 'f'] },
      /is a row of RM-Bench/,
    ],
    [judgebench, ppe, /is a row of PPE human preference/],
    [llmbar, arena, /is a row of JudgeBench/],
  ])('%# tells the row of another benchmark by its fields', (benchmark, row, message) => {
    expect(() => benchmark.load(rows([row], 'test'))).toThrow(message);
  });
});

describe('scoreBenchmark', () => {
  const pairs = Array.from({ length: 40 }, (_, i) =>
    pair({
      id: String(i),
      prompt: String(i),
      gold: i % 3 === 0 ? 'second' : 'first',
      first: 'x'.repeat(i + 1),
    }),
  );

  it('keeps conventions, shares and intervals apart, whatever a judge says', () => {
    const verdict = fc.constantFrom<VerdictKind>('A', 'B', 'tie', 'invalid', 'truncated', 'refused', 'error');
    const said = fc.array(fc.record({ ab: verdict, ba: verdict }), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(said, (verdicts) => {
        const games = pairs.map((own, i) => ({ pair: own, verdicts: verdicts[i] as Game['verdicts'] }));
        const score = scoreBenchmark(custom, games, pairs);
        const { half, wrong, dropped } = score.conventions;
        const neither = Object.values(score.shares).reduce((a, b) => a + b, 0);
        expect(half - wrong).toBeCloseTo(neither / 2, 12);
        if (dropped !== null) expect(dropped * (1 - neither)).toBeCloseTo(wrong, 12);
        expect(score.bothOrders as number).toBeLessThanOrEqual(score.accuracy + 1e-12);
        const [low, high] = score.official.interval;
        expect(low).toBeLessThanOrEqual(score.official.score + 1e-12);
        expect(high).toBeGreaterThanOrEqual(score.official.score - 1e-12);
      }),
      { numRuns: 10 },
    );
  });

  it('reports a judge that is always invalid, and one that judged nothing', () => {
    const invalid = scoreBenchmark(
      custom,
      judged(pairs, () => 'invalid'),
      pairs,
    );
    expect(invalid).toMatchObject({
      accuracy: 0,
      bothOrders: 0,
      flipRate: 0,
      firstSlot: null,
      shares: { invalid: 1 },
    });
    expect(invalid.conventions).toEqual({ half: 0.5, wrong: 0, dropped: null });
    const nothing = scoreBenchmark(custom, [], pairs);
    expect(nothing).toMatchObject({ judged: 0, pairs: 40, bothOrders: null, flipRate: null });
  });
});

const data = new URL('../../../shared/data/', import.meta.url);

describe.runIf(existsSync(data))('on the published files', () => {
  const read = (path: string): SourceRow[] => {
    const text = readFileSync(new URL(path, data), 'utf8');
    const file = path.replace(/.*\/|\.\w+$/g, '');
    return rows(
      path.endsWith('.json')
        ? JSON.parse(text)
        : text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
      file,
    );
  };
  const rewardRows = () =>
    ['Chat', 'Chat_Hard', 'Safety', 'Reasoning'].flatMap((name) => read(`RewardBench/${name}.jsonl`));

  it("gives o1-mini's official score on JudgeBench, 65.71, and 58.00 in both orders", () => {
    const source = read('JudgeBench/judged-by-o1-mini.jsonl');
    const pairs = judgebench.load(source);
    const verdict = (decision: string | null) =>
      decision === 'A>B' ? 'A' : decision === 'B>A' ? 'B' : decision === 'A=B' ? 'tie' : 'invalid';
    const verdicts = source.flatMap(({ value }) => {
      const { pair_id, judgments } = value as { pair_id: string; judgments: { decision: string | null }[] };
      return judgments.map(({ decision }, i) => ({
        id: pair_id,
        order: ORDERS[i],
        verdict: verdict(decision),
      }));
    });
    const { games, unjudged } = joinVerdicts(pairs, rows(verdicts));
    const score = scoreBenchmark(judgebench, games, pairs);
    expect(unjudged).toEqual([]);
    expect((100 * score.official.score).toFixed(2)).toBe('65.71');
    expect((100 * (score.bothOrders as number)).toFixed(2)).toBe('58.00');
    expect(score.incomplete).toEqual([]);
    // The categories, from the benchmark's leaderboard entry of this judge.
    const part = (name: string) =>
      (100 * (score.official.parts?.find((own) => own.name === name)?.score as number)).toFixed(2);
    expect(['knowledge', 'reasoning', 'math', 'coding'].map(part)).toEqual([
      '58.44',
      '62.24',
      '82.14',
      '78.57',
    ]);
  });

  it('loads all 2,985 pairs of RewardBench; all right is 100, all invalid 50', () => {
    const pairs = rewardbench.load(rewardRows());
    expect(pairs).toHaveLength(2985);
    const all = (say: (own: BenchmarkPair) => 'right' | 'wrong' | VerdictKind) => {
      const verdicts = judged(pairs, say);
      const rated = verdicts.map((game) => ({ pair: game.pair, points: rewardbench.points(game, 0) }));
      return officialScore(rewardbench, rated)([...rated.keys()]);
    };
    expect(all(() => 'right').score).toBe(1);
    expect(all(() => 'invalid').score).toBe(0.5);
    expect(all(() => 'wrong').score).toBe(0);
    const reasoning = all(({ subset }) => (subset === 'math-prm' ? 'wrong' : 'right')).parts?.find(
      ({ name }) => name === 'Reasoning',
    );
    expect(reasoning?.score).toBeCloseTo(984 / (984 + 984), 12);
    const whole = scoreBenchmark(
      rewardbench,
      judged(pairs, () => 'right'),
      pairs,
    );
    expect(whole.incomplete).toEqual([]);
  });

  it('loads every row of the others, as many as published', () => {
    expect(judgebench.load(read('JudgeBench/gpt-4o.jsonl'))).toHaveLength(350);
    const claude = judgebench.load(read('JudgeBench/claude-3-5-sonnet.jsonl'));
    expect(claude).toHaveLength(270);
    expect(
      scoreBenchmark(
        judgebench,
        judged(claude, () => 'right'),
        claude,
      ).incomplete,
    ).toEqual([]);
    expect(rmBench.load(read('RM-Bench/chat_filtered.json'))).toHaveLength(129 * 9);
    expect(rmBench.load(read('RM-Bench/code_filtered.json'))).toHaveLength(228 * 9);
  });
});

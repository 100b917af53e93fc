import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openStore } from '../store/ledger.ts';
import { ORDERS, type ResponsePair, type Thought } from '../types.ts';
import { BenchmarkIndex } from './contamination.ts';
import { LengthCount } from './length.ts';
import { PlanCount } from './plans.ts';
import { auditRow } from './row.ts';
import { RowsAuditor } from './rows.ts';
import { auditRun } from './run.ts';

const thoughts = (plans: readonly (readonly number[])[]): Thought[] =>
  plans.flatMap((own, planIndex) =>
    own.map((right, executionIndex): Thought => {
      const order = ORDERS[executionIndex % 2] as 'ab' | 'ba';
      const where = {
        id: `${planIndex} ${executionIndex}`,
        pairId: 'x',
        round: 1,
        order,
        planIndex,
        executionIndex,
      };
      return { ...where, plan: '', execution: '', verdict: right ? 'A' : 'B', correct: right === 1 };
    }),
  );
const plansOf = (...pairs: (readonly (readonly number[])[])[]) => {
  const count = new PlanCount();
  for (const pair of pairs) count.add(thoughts(pair));
  return count.report();
};

describe('plans', () => {
  it('says where thoughts go wrong', () => {
    expect(
      plansOf([
        [1, 1],
        [1, 0],
        [0, 0],
      ]),
    ).toMatchObject({
      plans: { alwaysRight: 1, mixed: 1, neverRight: 1 },
      wrong: { thoughts: 3, planFails: 2, executionFails: 1 },
    });
  });

  it('the effect of the plan is 1 where it decides, and about 0 where any is as good', () => {
    expect(
      plansOf([
        [1, 1, 1],
        [0, 0, 0],
      ]).planEffect,
    ).toBe(1);
    expect(
      plansOf([
        [1, 0],
        [0, 1],
        [1, 0],
      ]).planEffect,
    ).toBeLessThan(0);
    expect(plansOf([[1, 1]]).planEffect).toBeNull();
    expect(plansOf([[1], [0]]).planEffect).toBeNull();
    expect(
      plansOf([
        [1, 1],
        [1, 1],
      ]).planEffect,
    ).toBeNull();
  });

  it('as worked out by hand: two plans of four, 3 and 1 right', () => {
    // Mean 1/2. MSB = (4 (1/4)² + 4 (1/4)²) / 1 = 1/2; MSW = (4 · 3/16 + 4 · 3/16) / 6 = 1/4; (1/2 − 1/4) / (1/2 + 3/4) = 1/5.
    expect(
      plansOf([
        [1, 1, 1, 0],
        [1, 0, 0, 0],
      ]).planEffect,
    ).toBeCloseTo(0.2, 12);
  });
});

describe('length', () => {
  it('what length alone would score; equal lengths count one half', () => {
    const count = new LengthCount();
    for (const [chosen, rejected] of [
      ['aaa', 'a'],
      ['aa', 'a'],
      ['a', 'aa'],
      ['a', 'b'],
    ] as const)
      count.add(chosen, rejected, chosen + rejected);
    expect(count.report()).toMatchObject({
      pairs: 4,
      chosen: 7 / 4,
      rejected: 5 / 4,
      longerChosen: 2 / 3,
      equal: 1,
      lengthOnly: { rule: 'longer', accuracy: 2.5 / 4 },
    });
    expect(new LengthCount().report()).toBeNull();
  });

  it('pairs of one prompt are drawn together: 40 copies of 5 prompts tell no more than 5', () => {
    const [many, few] = [new LengthCount(), new LengthCount()];
    for (let i = 0; i < 200; i++) many.add(i % 5 === 0 ? 'a' : 'aaa', 'aa', `${i % 5}`);
    for (let i = 0; i < 5; i++) few.add(i === 0 ? 'a' : 'aaa', 'aa', `${i}`);
    const width = (count: LengthCount) => {
      const [low, high] = count.report()?.interval ?? [0, 0];
      return high - low;
    };
    expect(width(many)).toBeGreaterThan(0.5);
    expect(width(few)).toBeGreaterThan(0.5);
  });

  it('never scores below one half, and turning all pairs round turns the rule', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { minLength: 1 }), (pairs) => {
        const [count, turned] = [new LengthCount(), new LengthCount()];
        for (const [a, b] of pairs) {
          count.add(a, b, a);
          turned.add(b, a, a);
        }
        const accuracy = count.report()?.lengthOnly.accuracy ?? 0;
        expect(accuracy).toBeGreaterThanOrEqual(0.5);
        expect(turned.report()?.lengthOnly.accuracy).toBeCloseTo(accuracy, 12);
      }),
    );
  });
});

const WORDS =
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen'.split(' ');
const words = (n: number, from = 0) => WORDS.slice(from, from + n).join(' ');

describe('contamination', () => {
  const index = new BenchmarkIndex();
  index.add('bench', 'long', words(15));
  index.add('bench', 'middle', 'Name, please, the eight planets of our solar system.');
  index.add('bench', 'short', 'What is 2 + 2?');
  index.add('other', 'copy', words(15));
  const found = (text: string) =>
    index.find(text).map(({ benchmark, id, kind }) => `${benchmark} ${id} ${kind}`);

  it.each([
    ['the same text', words(15), ['bench long exact', 'other copy exact']],
    ['but for case and punctuation', `${words(15).toUpperCase()}!`, ['bench long exact', 'other copy exact']],
    [
      '13 words of it in another text',
      `Please solve: ${words(13, 1)}; thanks`,
      ['bench long n-gram', 'other copy n-gram'],
    ],
    ['12 words of it', `Please solve: ${words(12, 1)}; thanks`, []],
    [
      'all of a prompt of 9 words',
      'name please the eight planets of our solar system and their moons',
      ['bench middle n-gram'],
    ],
    ['a part of it', 'the eight planets of our solar system and their moons', []],
    ['a short prompt, whole', 'what is 2+2', ['bench short exact']],
    ['a short prompt in another text', 'Tell me what is 2 + 2 in binary', []],
    ['nothing', '', []],
  ])('%s', (_, text, expected) => expect(found(text).sort()).toEqual(expected));

  it('the overlap is the share of the prompt’s n-grams', () => {
    expect(index.find(words(14))[0]?.overlap).toBeCloseTo(2 / 3);
  });

  it('finds 13 words in a row wherever they are, and nothing else', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'ab'), { minLength: 13, maxLength: 30 });
    fc.assert(
      fc.property(text, text, fc.nat(), fc.boolean(), (prompt, other, at, copied) => {
        const own = new BenchmarkIndex();
        own.add('bench', 'x', prompt.join(' '));
        const looked = copied ? other.toSpliced(at % other.length, 0, ...prompt.slice(-13)) : other;
        const runs = (words: readonly string[]) =>
          new Set(words.slice(12).map((_, i) => words.slice(i, i + 13).join(' ')));
        const shared = [...runs(prompt)].filter((run) => runs(looked).has(run)).length;
        const [hit] = own.find(looked.join(' '));
        expect(hit?.overlap ?? 0).toBeCloseTo(shared / runs(prompt).size, 12);
      }),
    );
  });

  it('a phrase that many prompts share is no sign of a copy', () => {
    const many = new BenchmarkIndex();
    for (let i = 0; i < 11; i++) many.add('bench', `${i}`, `${words(13)} ${i}`);
    expect(many.find(`${words(13)} and so on`)).toEqual([]);
    expect(many.find(`${words(13)} 3`)[0]?.kind).toBe('exact');
  });
});

describe('rows', () => {
  const row = (value: unknown) => auditRow({ value, file: 'x', at: 'x.jsonl, line 1' });

  it('are told by their fields', () => {
    expect(row({ instruction: 'i', chosen: 'c', rejected: 'r', family: 'f' })).toEqual({
      kind: 'response pair',
      at: 'x.jsonl, line 1',
      prompt: 'i',
      chosen: 'c',
      rejected: 'r',
      group: 'f',
    });
    expect(
      row({
        prompt: [{ role: 'user', content: 'p' }],
        chosen: [{ role: 'assistant', content: 'c' }],
        rejected: [{ role: 'assistant', content: 'r' }],
      }),
    ).toMatchObject({ kind: 'preference pair', prompt: 'p', chosen: 'c' });
    expect(row({ prompt: 'p', completion: 'c' })).toMatchObject({ kind: 'SFT row', rejected: null });
    for (const bad of [null, 5, {}, { prompt: 'p' }, { prompt: 'p', chosen: 5, rejected: 'r' }])
      expect(() => row(bad)).toThrow('x.jsonl, line 1');
  });

  it('every row counts once', () => {
    const index = new BenchmarkIndex();
    index.add('bench', '1', words(15));
    index.add('clean', '1', 'Name a bird.');
    const auditor = new RowsAuditor(index);
    const found = [
      row({ prompt: words(15), chosen: '… [[A]]', rejected: '… [[B]] and more' }),
      row({ prompt: 'Another one.', chosen: '… [[B]]', rejected: '… [[A]]' }),
      row({ prompt: 'another one', completion: 'no verdict' }),
    ].map((own) => auditor.add(own));
    expect(found.map((one) => one.length)).toEqual([1, 0, 0]);
    expect(auditor.report()).toMatchObject({
      rows: 3,
      kinds: { 'preference pair': 2, 'SFT row': 1 },
      verdicts: { A: 1, B: 1, neither: 1, shareA: 0.5 },
      duplicates: { exact: 1, near: 0 },
      contamination: {
        checked: 3,
        rows: 1,
        benchmarks: {
          bench: { prompts: 1, exact: 1, ngram: 0 },
          clean: { prompts: 1, exact: 0, ngram: 0 },
        },
        first: [{ at: 'x.jsonl, line 1', found: [{ benchmark: 'bench', id: '1', kind: 'exact' }] }],
      },
    });
  });
});

describe('ledgers', () => {
  const pair = (id: string, instruction: string): ResponsePair => {
    return { id, domain: 'own', family: 'f', instruction, chosen: 'c', rejected: 'r', provenance: {} };
  };
  const index = new BenchmarkIndex();
  index.add('bench', '1', 'Name a bird.');

  it('what trainings are planned on is trained, whatever it is called; every other set is held out', () => {
    using store = openStore(':memory:', { config: {} });
    store.putPairs('a', [pair('1', 'Name a bird.'), pair('2', 'Name a tree.')]);
    store.putPairs('b', [pair('3', 'Name a fish.')]);
    store.putPairs('d1', [pair('4', 'Name a tree.'), pair('5', 'name a fish'), pair('6', 'Name a bird.')]);
    const found = () => {
      const { leaked, contamination } = auditRun(store, index);
      return [leaked, contamination?.checked, contamination?.rows];
    };
    // Nobody says what is held out: all may be trained on.
    expect(found()).toEqual([0, 3, 1]);
    const train = (name: string, sets: string[]) => ({ name, title: name, kind: 'train', sets });
    const held = { name: 'held', title: 'held', kind: 'judge', set: 'd1' };
    store.planStages([train('x', ['a']), train('y', ['b', 'a']), held]);
    expect(found()).toEqual([3, 3, 1]);
    store.planStages([train('x', ['b']), held]);
    expect(found()).toEqual([1, 1, 0]);
  });
});

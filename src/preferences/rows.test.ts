import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tally } from '../model/script.contract.ts';
import { parseThought } from '../prompts/judge.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { openStore } from '../store/ledger.ts';
import type { RoundFilter, Store } from '../store.ts';
import { ORDERS, type ResponsePair, type Thought, type VerdictKind } from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import type { PairingOptions } from './pairing.ts';
import { preferenceRows } from './rows.ts';
import { directRows, type SftOptions, sftRows } from './sft.ts';

const pair = (id: string): ResponsePair => ({
  id,
  domain: 'general',
  family: 'list',
  instruction: `do ${id}`,
  chosen: `good ${id}`,
  rejected: `bad ${id}`,
  provenance: {},
});
const PUBLISHED: PairingOptions = {
  pairing: 'within-plan',
  maxPerPair: 1e9,
  maxPerGroup: 1e9,
  balanceVerdicts: false,
  minCorrectShare: 0,
  seed: 0,
};

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', { config: {} });
});
afterEach(() => store.close());

/** Thoughts of one plan and order, one for each letter. */
function put(
  pairId: string,
  planIndex: number,
  order: 'ab' | 'ba',
  verdicts: readonly VerdictKind[],
  round = 1,
): void {
  store.putThoughts(
    verdicts.map((verdict, executionIndex): Thought => {
      const id = `${round}/${pairId}/${planIndex}/${order}/${executionIndex}`;
      const correct = verdict === (order === 'ab' ? 'A' : 'B');
      const where = { pairId, round, order, planIndex, executionIndex };
      return { id, ...where, plan: `plan ${planIndex}`, execution: `execution ${id}`, verdict, correct };
    }),
  );
}
const dpo = (
  pairs: ResponsePair[],
  more: Partial<PairingOptions & { round: number; form: SftOptions['form'] }> = {},
) => {
  store.putPairs('d1', pairs);
  const options = { ...PUBLISHED, round: 1, form: 'planned', ...more } as const;
  return [...preferenceRows(store, PLAYGROUND_PROMPTS, pairs, options)];
};
const sft = (pairs: ResponsePair[], thoughtsPerPair: number, more: Partial<SftOptions> = {}) => [
  ...sftRows(store, PLAYGROUND_PROMPTS, pairs, {
    round: 1,
    form: 'planned',
    plans: 'any',
    minCorrectShare: 0,
    thoughtsPerPair,
    seed: 0,
    ...more,
  }),
];
const ofX = { pair: 'x', family: 'list' };

describe('preferenceRows', () => {
  it('twins, by hand: one letter differs, and the ledger knows the thought that both are of', () => {
    put('x', 0, 'ab', ['A', 'B', 'truncated']);
    put('x', 1, 'ba', ['B']);
    const of = (planIndex: number, order: string, says: string) =>
      ` <plan> plan ${planIndex} </plan> <exec> execution 1/x/${planIndex}/${order}/0 </exec> [[${says}]]`;
    expect(dpo([pair('x')], { pairing: 'twins' })).toEqual([
      {
        prompt: 'Instruction: do x <A> good x <B> bad x <judge>',
        chosen: of(0, 'ab', 'A'),
        rejected: of(0, 'ab', 'B'),
        ...ofX,
      },
      {
        prompt: 'Instruction: do x <A> bad x <B> good x <judge>',
        chosen: of(1, 'ba', 'B'),
        rejected: of(1, 'ba', 'A'),
        ...ofX,
      },
    ]);
    expect(
      [...store.preferences(1)].map(({ chosenId, rejectedId, pairing }) => [chosenId, rejectedId, pairing]),
    ).toEqual([
      ['1/x/0/ab/0', '1/x/0/ab/0', 'twins'],
      ['1/x/1/ba/0', '1/x/1/ba/0', 'twins'],
    ]);
  });

  it('is the judge prompt of their order, and two whole thoughts; the ledger holds which', () => {
    put('x', 0, 'ab', ['A', 'B', 'B', 'truncated']);
    put('x', 1, 'ba', ['A', 'B']);
    put('x', 2, 'ba', ['A', 'A']);
    const rows = dpo([pair('x')]);
    const whole = (id: string, plan: number, verdict: string) =>
      ` <plan> plan ${plan} </plan> <exec> execution 1/x/${id} </exec> [[${verdict}]]`;
    const byText = (a: { rejected: string }, b: { rejected: string }) => (a.rejected < b.rejected ? -1 : 1);
    const ab = 'Instruction: do x <A> good x <B> bad x <judge>';
    expect(rows.toSorted(byText)).toEqual([
      { prompt: ab, chosen: whole('0/ab/0', 0, 'A'), rejected: whole('0/ab/1', 0, 'B'), ...ofX },
      { prompt: ab, chosen: whole('0/ab/0', 0, 'A'), rejected: whole('0/ab/2', 0, 'B'), ...ofX },
      {
        prompt: 'Instruction: do x <A> bad x <B> good x <judge>',
        chosen: whole('1/ba/1', 1, 'B'),
        rejected: whole('1/ba/0', 1, 'A'),
        ...ofX,
      },
    ]);
    const records = [...store.preferences(1)];
    expect(records.map(({ pairId, pairing }) => `${pairId} ${pairing}`)).toEqual(
      new Array(3).fill('x within-plan'),
    );
    for (const [i, { chosenId, rejectedId }] of records.entries()) {
      expect(rows[i]?.chosen).toContain(`execution ${chosenId} `);
      expect(rows[i]?.rejected).toContain(`execution ${rejectedId} `);
    }
  });

  it('of a pair they do not depend on the other pairs or their order, nor on other rounds', () => {
    const ids = ['x', 'y', 'z'];
    for (const id of ids) {
      for (const order of ORDERS) put(id, 0, order, ['A', 'B', 'A', 'B']);
    }
    const capped = { maxPerPair: 2, maxPerGroup: 2 };
    const of = (rows: ReturnType<typeof dpo>, id: string) =>
      rows.filter(({ prompt }) => prompt.includes(`do ${id} `));
    const together = dpo(ids.map(pair), capped);
    const reversed = dpo(ids.toReversed().map(pair), capped);
    for (const id of ids) put(id, 0, 'ab', ['B', 'A', 'B', 'A'], 2);
    for (const id of ids) {
      expect(of(together, id)).toHaveLength(2);
      expect(of(reversed, id)).toEqual(of(together, id));
      expect(dpo([pair(id)], capped)).toEqual(of(together, id));
    }
  });

  it('without plans: the unplanned prompt and executions alone', () => {
    put('x', 0, 'ab', ['A', 'B'], 11);
    expect(dpo([pair('x')], { round: 11, form: 'unplanned' })).toEqual([
      {
        prompt: 'Instruction: do x <A> good x <B> bad x',
        chosen: ' <exec> execution 11/x/0/ab/0 </exec> [[A]]',
        rejected: ' <exec> execution 11/x/0/ab/1 </exec> [[B]]',
        ...ofX,
      },
    ]);
  });

  it('reads the thoughts of each response pair once, and records a window before its rows come', () => {
    const ids = Array.from({ length: 150 }, (_, i) => `p${i}`);
    for (const id of ids) put(id, 0, 'ab', ['A', 'B']);
    store.putPairs('d1', ids.map(pair));
    const read: string[] = [];
    const watched = {
      putPreferences: store.putPreferences.bind(store),
      addPreferences: store.addPreferences.bind(store),
      thoughts(filter: RoundFilter) {
        read.push(filter.pairId as string);
        return store.thoughts(filter);
      },
    } as Store;
    const options = { ...PUBLISHED, round: 1, form: 'planned' } as const;
    const rows = preferenceRows(watched, PLAYGROUND_PROMPTS, ids.map(pair), options);
    expect(rows.next().value).toMatchObject({ pair: 'p0' });
    // Left in the middle, it is made again as a whole.
    expect(store.counts().preferences).toEqual({ 1: 64 });
    expect([...rows]).toHaveLength(149);
    expect(read).toEqual(ids);
    expect(dpo(ids.map(pair))).toHaveLength(150);
    expect([...store.preferences(1)].map(({ pairId }) => pairId)).toEqual(ids);
  });

  it('a second call replaces the record of its round only', () => {
    put('x', 0, 'ab', ['A', 'B']);
    put('x', 0, 'ab', ['A', 'B'], 2);
    dpo([pair('x')]);
    dpo([pair('x')], { round: 2 });
    dpo([pair('x')]);
    expect(store.counts().preferences).toEqual({ 1: 1, 2: 1 });
    dpo([]);
    expect(store.counts().preferences).toEqual({ 2: 1 });
  });
});

describe('sftRows', () => {
  it('takes rows from the best plans only, where asked', () => {
    put('p', 0, 'ab', ['A', 'B']);
    put('p', 0, 'ba', ['B', 'A']);
    put('p', 1, 'ab', ['A', 'A']);
    put('p', 1, 'ba', ['B', 'B']);
    put('q', 0, 'ab', ['A', 'B', 'B', 'B']);
    const rows = sft([pair('p'), pair('q')], 10, { plans: 'best', minCorrectShare: 0.5 });
    expect(rows).toHaveLength(4);
    expect(rows.every(({ completion }) => completion.includes('plan 1'))).toBe(true);
  });

  const verdictOf = ({ completion }: { completion: string }) => parseVerdict(completion).kind;

  it('one random correct thought of each pair, a pair without one dropped', () => {
    put('x', 0, 'ab', ['B', 'A', 'truncated']);
    put('y', 0, 'ab', ['B', 'tie']);
    put('y', 0, 'ba', ['A', 'invalid']);
    expect(sft(['x', 'y', 'z'].map(pair), 1)).toEqual([
      {
        prompt: 'Instruction: do x <A> good x <B> bad x <judge>',
        completion: ' <plan> plan 0 </plan> <exec> execution 1/x/0/ab/1 </exec> [[A]]',
        ...ofX,
      },
    ]);
  });

  it('only correct thoughts, each at most once, as many as asked for or there are', () => {
    put('x', 0, 'ab', ['A', 'B', 'A']);
    put('x', 1, 'ba', ['A', 'B', 'tie', 'B']);
    for (const [asked, expected] of [
      [1, 1],
      [3, 3],
      [4, 4],
      [9, 4],
    ] as const) {
      const rows = sft([pair('x')], asked);
      expect(rows).toHaveLength(expected);
      expect(new Set(rows.map(({ completion }) => completion)).size).toBe(expected);
      for (const { prompt, completion } of rows) {
        // ab shows the good one first and A names it.
        expect(prompt.includes('<A> good')).toBe(verdictOf({ completion }) === 'A');
        const { plan, execution } = parseThought(completion)!;
        const id = execution.replace('execution ', '');
        expect(store.thought(1, 'x', id)).toMatchObject({ correct: true, plan });
      }
    }
  });

  it('orders take turns: A and B are balanced within a pair, and over pairs where one is kept', () => {
    const ids = Array.from({ length: 300 }, (_, i) => `p${i}`);
    for (const id of ids) {
      put(id, 0, 'ab', ['A', 'A', 'A', 'A', 'A', 'A']);
      put(id, 0, 'ba', ['B', 'B']);
    }
    for (const row of ids.slice(0, 20)) {
      expect(tally(sft([pair(row)], 4).map(verdictOf))).toEqual({ A: 2, B: 2 });
      expect(tally(sft([pair(row)], 6).map(verdictOf))).toEqual({ A: 4, B: 2 });
    }
    const { A = 0, B = 0 } = tally(sft(ids.map(pair), 1).map(verdictOf));
    expect(A + B).toBe(300);
    // Five standard deviations of a binomial(300, 1/2): correct thoughts are 3 : 1, the kept ones must not be.
    expect(Math.abs(A - 150)).toBeLessThan(44);
  });

  it('every correct thought can be the one; the seed decides, other pairs do not', () => {
    const ids = Array.from({ length: 60 }, (_, i) => `p${i}`);
    for (const id of ids) put(id, 0, 'ab', ['A', 'A', 'A']);
    const rows = sft(ids.map(pair), 1);
    const kept = tally(rows.map(({ completion }) => /ab\/(\d)/.exec(completion)![1]!));
    expect(Object.keys(kept).sort()).toEqual(['0', '1', '2']);
    expect(sft(ids.map(pair), 1)).toEqual(rows);
    expect(sft(ids.map(pair), 1, { seed: 1 })).not.toEqual(rows);
    expect(sft([pair('p7')], 1)).toEqual([rows[7]]);
  });

  it('without plans: an execution and its verdict', () => {
    put('x', 0, 'ba', ['B'], 11);
    expect(sft([pair('x')], 1, { round: 11, form: 'unplanned' })).toEqual([
      {
        prompt: 'Instruction: do x <A> bad x <B> good x',
        completion: ' <exec> execution 11/x/0/ba/0 </exec> [[B]]',
        ...ofX,
      },
    ]);
  });
});

describe('directRows', () => {
  it('both orders of every pair with the gold verdict and nothing else', () => {
    expect([...directRows(PLAYGROUND_PROMPTS, [pair('x'), pair('y')])]).toEqual(
      ['x', 'y'].flatMap((id) => {
        const of = { pair: id, family: 'list' };
        const shown = (first: string, second: string) =>
          `Instruction: do ${id} <A> ${first} ${id} <B> ${second} ${id} <verdict>`;
        return [
          { prompt: shown('good', 'bad'), completion: ' [[A]]', ...of },
          { prompt: shown('bad', 'good'), completion: ' [[B]]', ...of },
        ];
      }),
    );
  });
});

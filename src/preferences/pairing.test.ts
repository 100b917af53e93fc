import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tally } from '../model/script.contract.ts';
import { ORDERS, type Thought, type VerdictKind } from '../types.ts';
import { type PairingOptions, preferencePairs, type ThoughtPair } from './pairing.ts';

const PUBLISHED: PairingOptions = {
  pairing: 'within-plan',
  maxPerPair: 1e9,
  maxPerGroup: 1e9,
  balanceVerdicts: false,
  minCorrectShare: 0,
  seed: 0,
};
const VERDICTS: readonly VerdictKind[] = ['A', 'B', 'A', 'B', 'tie', 'invalid', 'truncated'];

/** All thoughts of one response pair: plans (some with the same text) × orders × executions, any verdicts. */
const thoughtSets: fc.Arbitrary<Thought[]> = fc
  .record({
    plans: fc.array(fc.constantFrom('Count.', 'Compare.', 'Spell.'), { minLength: 1, maxLength: 5 }),
    executions: fc.integer({ min: 1, max: 5 }),
    id: fc.constantFrom('x', 'y'),
  })
  .chain(({ plans, executions, id }) => {
    const count = plans.length * 2 * executions;
    return fc.array(fc.constantFrom(...VERDICTS), { minLength: count, maxLength: count }).map((verdicts) =>
      plans.flatMap((plan, planIndex) =>
        ORDERS.flatMap((order) =>
          Array.from({ length: executions }, (_, executionIndex): Thought => {
            const cell = (planIndex * 2 + ORDERS.indexOf(order)) * executions + executionIndex;
            const verdict = verdicts[cell]!;
            const correct = verdict === (order === 'ab' ? 'A' : 'B');
            const name = `${planIndex}${order}${executionIndex}`;
            const where = { pairId: id, round: 1, order, planIndex, executionIndex };
            return { id: name, ...where, plan, execution: name, verdict, correct };
          }),
        ),
      ),
    );
  });
const options: fc.Arbitrary<PairingOptions> = fc.record({
  pairing: fc.constantFrom('within-plan', 'cross-plan', 'both', 'twins'),
  maxPerPair: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(1e9)),
  maxPerGroup: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constant(1e9)),
  balanceVerdicts: fc.boolean(),
  minCorrectShare: fc.constant(0),
  seed: fc.nat(),
});
const readable = ({ verdict }: Thought) => verdict === 'A' || verdict === 'B';
const name = ({ chosen, rejected }: ThoughtPair) => `${chosen.id} ${rejected.id}`;

describe('preferencePairs', () => {
  it('as published: every correct × incorrect pair of executions, for each plan and order separately', () => {
    fc.assert(
      fc.property(thoughtSets, (thoughts) => {
        const groups = Map.groupBy(
          thoughts.filter(readable),
          ({ planIndex, order }) => `${planIndex} ${order}`,
        );
        const expected = [...groups.values()].flatMap((group) =>
          group.flatMap((c) => group.filter((r) => c.correct && !r.correct).map((r) => `${c.id} ${r.id}`)),
        );
        const sum = [...groups.values()].reduce((total, group) => {
          const correct = group.filter((thought) => thought.correct).length;
          return total + correct * (group.length - correct);
        }, 0);
        const found = preferencePairs(thoughts, PUBLISHED).map(name);
        expect(found).toHaveLength(sum);
        expect(found.toSorted()).toEqual(expected.toSorted());
      }),
    );
  });

  it('across plans: every correct × incorrect pair of one order whose plans say something else', () => {
    fc.assert(
      fc.property(thoughtSets, (thoughts) => {
        const expected = thoughts.flatMap((c) =>
          thoughts
            .filter((r) => c.correct && !r.correct && readable(r) && c.order === r.order && c.plan !== r.plan)
            .map((r) => `${c.id} ${r.id}`),
        );
        const found = preferencePairs(thoughts, { ...PUBLISHED, pairing: 'cross-plan' }).map(name);
        expect(found.toSorted()).toEqual(expected.toSorted());
        const both = preferencePairs(thoughts, { ...PUBLISHED, pairing: 'both' }).map(name);
        const within = preferencePairs(thoughts, PUBLISHED).map(name);
        expect(both.toSorted()).toEqual([...within, ...expected].toSorted());
      }),
    );
  });

  it('twins: every correct thought over itself with the other letter', () => {
    fc.assert(
      fc.property(thoughtSets, (thoughts) => {
        const correct = thoughts.filter((thought) => thought.correct);
        const found = preferencePairs(thoughts, { ...PUBLISHED, pairing: 'twins' });
        expect(found.map(({ chosen }) => chosen.id).toSorted()).toEqual(
          correct.map(({ id }) => id).toSorted(),
        );
        for (const { chosen, rejected } of found)
          expect(rejected).toEqual({ ...chosen, verdict: chosen.order === 'ab' ? 'B' : 'A', correct: false });
      }),
    );
  });

  it('under any options: what the rule allows, each at most once, and nothing unreadable', () => {
    fc.assert(
      fc.property(thoughtSets, options, (thoughts, settings) => {
        const pairs = preferencePairs(thoughts, settings);
        expect(new Set(pairs.map(name)).size).toBe(pairs.length);
        const allowed = new Set(
          preferencePairs(thoughts, { ...PUBLISHED, pairing: settings.pairing }).map(name),
        );
        for (const pair of pairs) {
          const { chosen, rejected, pairing } = pair;
          expect(allowed).toContain(name(pair));
          expect(chosen.correct).toBe(true);
          expect(rejected.correct).toBe(false);
          expect(readable(rejected)).toBe(true);
          expect(chosen.order).toBe(rejected.order);
          expect(chosen.planIndex === rejected.planIndex).toBe(pairing !== 'cross-plan');
          expect(chosen.plan === rejected.plan).toBe(pairing !== 'cross-plan');
        }
      }),
    );
  });

  it('caps hold: of a response pair, of a plan and an order, of an order across plans', () => {
    fc.assert(
      fc.property(thoughtSets, options, (thoughts, settings) => {
        const pairs = preferencePairs(thoughts, settings);
        expect(pairs.length).toBeLessThanOrEqual(settings.maxPerPair);
        const groups = tally(
          pairs.map(
            ({ chosen, pairing }) =>
              `${pairing} ${chosen.order} ${pairing === 'cross-plan' ? '' : chosen.planIndex}`,
          ),
        );
        for (const count of Object.values(groups)) expect(count).toBeLessThanOrEqual(settings.maxPerGroup);
      }),
    );
  });

  it('caps take no more than they must: an order within its half keeps all its pairs', () => {
    fc.assert(
      fc.property(thoughtSets, fc.integer({ min: 2, max: 30 }), (thoughts, maxPerPair) => {
        const count = (settings: Partial<PairingOptions>) =>
          tally(preferencePairs(thoughts, { ...PUBLISHED, ...settings }).map(({ chosen }) => chosen.order));
        const [all, capped] = [count({}), count({ maxPerPair })];
        for (const order of ORDERS) {
          expect(capped[order] ?? 0).toBeGreaterThanOrEqual(
            Math.min(all[order] ?? 0, Math.floor(maxPerPair / 2)),
          );
        }
      }),
    );
  });

  it('balanced: as many chosen thoughts say A as say B', () => {
    fc.assert(
      fc.property(thoughtSets, options, (thoughts, settings) => {
        const pairs = preferencePairs(thoughts, { ...settings, balanceVerdicts: true });
        const counts = tally(pairs.map(({ chosen }) => chosen.verdict));
        expect(counts.A ?? 0).toBe(counts.B ?? 0);
        // And it is not for nothing: both sides as full as the smaller one and the cap allow.
        const free = { ...settings, maxPerPair: 1e9, balanceVerdicts: false };
        const without = tally(preferencePairs(thoughts, free).map(({ chosen }) => chosen.verdict));
        const smaller = Math.min(without.A ?? 0, without.B ?? 0);
        expect(counts.A ?? 0).toBe(Math.min(smaller, Math.floor(settings.maxPerPair / 2)));
      }),
    );
  });

  it('an odd cap gives its odd pair to either order, by the seed', () => {
    const thought = (id: string, order: 'ab' | 'ba', verdict: 'A' | 'B', pairId: string): Thought => {
      const where = { pairId, round: 1, order, planIndex: 0, executionIndex: 0 };
      return {
        id,
        ...where,
        plan: 'p',
        execution: id,
        verdict,
        correct: verdict === (order === 'ab' ? 'A' : 'B'),
      };
    };
    const drawn = Array.from({ length: 60 }, (_, i) => {
      const four = ORDERS.flatMap((order) => [
        thought(`${order}A`, order, 'A', `x${i}`),
        thought(`${order}B`, order, 'B', `x${i}`),
      ]);
      const pairs = preferencePairs(four, { ...PUBLISHED, maxPerPair: 1 });
      expect(pairs).toHaveLength(1);
      return pairs[0]!.chosen.order;
    });
    // Five standard deviations of a binomial(60, 1/2).
    expect(Math.abs(tally(drawn).ab! - 30)).toBeLessThan(20);
  });

  it('is a function of the thoughts and the seed', () => {
    fc.assert(
      fc.property(thoughtSets, options, (thoughts, settings) => {
        const once = preferencePairs(thoughts, settings);
        expect(preferencePairs(structuredClone(thoughts), settings).map(name)).toEqual(once.map(name));
      }),
    );
  });

  it('another seed draws other pairs under a cap, and the same ones without', () => {
    const thoughts = Array.from({ length: 8 }, (_, i): Thought => {
      const where = { pairId: 'x', round: 1, order: 'ab' as const, planIndex: 0, executionIndex: i };
      return {
        id: `${i}`,
        ...where,
        plan: 'p',
        execution: `${i}`,
        verdict: i < 4 ? 'A' : 'B',
        correct: i < 4,
      };
    });
    const draws = (maxPerGroup: number) =>
      [1, 2, 3, 4].map((seed) =>
        preferencePairs(thoughts, { ...PUBLISHED, maxPerGroup, seed })
          .map(name)
          .toSorted()
          .join(),
      );
    expect(new Set(draws(4)).size).toBe(4);
    expect(new Set(draws(16)).size).toBe(1);
  });

  it('no thoughts, no pairs; all right or all wrong, no pairs', () => {
    expect(preferencePairs([], PUBLISHED)).toEqual([]);
    const one: Thought = {
      id: '1',
      pairId: 'x',
      round: 1,
      order: 'ab',
      planIndex: 0,
      executionIndex: 0,
      plan: 'p',
      execution: 'e',
      verdict: 'A',
      correct: true,
    };
    expect(preferencePairs([one, { ...one, id: '2' }], PUBLISHED)).toEqual([]);
    const wrong: Thought = { ...one, verdict: 'B', correct: false };
    expect(preferencePairs([wrong, { ...wrong, id: '2', verdict: 'tie' }], PUBLISHED)).toEqual([]);
  });

  it('leaves out a pair whose thoughts are right less often than asked', () => {
    fc.assert(
      fc.property(thoughtSets, fc.double({ min: 0, max: 1, noNaN: true }), (thoughts, minCorrectShare) => {
        const share = thoughts.filter(({ correct }) => correct).length / thoughts.length;
        const kept = preferencePairs(thoughts, { ...PUBLISHED, minCorrectShare });
        const all = preferencePairs(thoughts, PUBLISHED);
        expect(kept).toEqual(share < minCorrectShare ? [] : all);
      }),
    );
  });
});

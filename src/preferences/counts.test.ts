import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ORDERS, type Thought, type VerdictKind } from '../types.ts';
import { consistentThoughts } from './consistent.ts';
import { PreferenceCounts } from './counts.ts';
import { preferencePairs } from './pairing.ts';

const VERDICTS: readonly VerdictKind[] = ['A', 'B', 'A', 'B', 'tie', 'invalid', 'truncated', 'refused'];

const thoughtSets = fc
  .record({
    plans: fc.integer({ min: 0, max: 3 }),
    executions: fc.integer({ min: 1, max: 3 }),
    id: fc.uuid(),
  })
  .chain(({ plans, executions, id }) =>
    fc
      .array(fc.constantFrom(...VERDICTS), {
        minLength: plans * 2 * executions,
        maxLength: plans * 2 * executions,
      })
      .map((verdicts) =>
        verdicts.map((verdict, i): Thought => {
          const order = ORDERS[i % 2] as 'ab' | 'ba';
          const [planIndex, executionIndex] = [
            Math.floor(i / (2 * executions)),
            Math.floor((i % (2 * executions)) / 2),
          ];
          const correct = verdict === (order === 'ab' ? 'A' : 'B');
          return {
            id: `${id} ${i}`,
            pairId: id,
            round: 1,
            order,
            planIndex,
            executionIndex,
            plan: `${planIndex}`,
            execution: '',
            verdict,
            correct,
          };
        }),
      ),
  );

it('every response pair, thought and candidate is accounted for', () => {
  fc.assert(
    fc.property(
      fc.array(thoughtSets, { maxLength: 12 }),
      fc.record({
        pairing: fc.constantFrom(
          'within-plan' as const,
          'cross-plan' as const,
          'both' as const,
          'twins' as const,
        ),
        maxPerPair: fc.integer({ min: 1, max: 8 }),
        maxPerGroup: fc.integer({ min: 1, max: 4 }),
        balanceVerdicts: fc.boolean(),
        minCorrectShare: fc.constantFrom(0, 0.5),
        consistent: fc.boolean(),
        seed: fc.nat(),
      }),
      (sets, options) => {
        const counts = new PreferenceCounts();
        const made = sets.map((thoughts) => preferencePairs(thoughts, options, counts));
        const report = counts.report();
        const sum = (record: Readonly<Record<string, number>>) =>
          Object.values(record).reduce((a, b) => a + b, 0);
        expect(report.responsePairs).toBe(sets.length);
        expect(sum(report.dropped)).toBe(made.filter((pairs) => pairs.length === 0).length);
        expect(report.thoughts).toBe(sets.flat().length);
        expect(report.pairs).toBe(made.flat().length);
        expect(report.candidates - report.capped).toBe(report.pairs);
        expect(report.verdicts.A + report.verdicts.B).toBe(report.pairs);
        expect(sum(report.pairings)).toBe(report.pairs);
        if (options.balanceVerdicts) expect(report.verdicts.A).toBe(report.verdicts.B);
        // Counting changes nothing.
        expect(sets.map((thoughts) => preferencePairs(thoughts, options))).toEqual(made);
      },
    ),
  );
});

it('consistent: chosen thoughts are those whose counterpart is right as well, by plan and execution index', () => {
  fc.assert(
    fc.property(thoughtSets, (thoughts) => {
      const expected = thoughts.filter(
        (own) =>
          own.correct &&
          thoughts.some(
            (other) =>
              other.order !== own.order &&
              other.planIndex === own.planIndex &&
              other.executionIndex === own.executionIndex &&
              other.correct,
          ),
      );
      expect([...consistentThoughts(thoughts)]).toEqual(expected);
      const all = {
        pairing: 'both' as const,
        maxPerPair: 1e9,
        maxPerGroup: 1e9,
        balanceVerdicts: false,
        minCorrectShare: 0,
        seed: 0,
      };
      const free = preferencePairs(thoughts, all).filter(({ chosen }) => expected.includes(chosen));
      const kept = preferencePairs(thoughts, { ...all, consistent: true });
      const names = (pairs: typeof kept) =>
        pairs.map(({ chosen, rejected }) => `${chosen.id} ${rejected.id}`).sort();
      expect(names(kept)).toEqual(names(free));
    }),
  );
});

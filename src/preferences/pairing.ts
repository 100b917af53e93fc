import { random, seedOf, shuffle } from '../random.ts';
import { ORDERS, type Thought } from '../types.ts';
import { consistentThoughts } from './consistent.ts';
import { correctShare } from './correct-share.ts';

/** `within-plan`, as published: both thoughts share their plan and differ in execution. `cross-plan`: they share the order
 * only and come from different plans, so that the choice of the plan is trained too. `both`: the union. `twins`: a correct thought and
 * the same one with the other letter, which nobody wrote: all that differs is the verdict, so that nothing else is trained. */
export type Pairing = 'within-plan' | 'cross-plan' | 'both' | 'twins';

export interface PairingOptions {
  readonly pairing: Pairing;
  /** At most this many preference pairs of one response pair, and of one group (a plan and an order; an order for pairs
   * that cross plans). */
  readonly maxPerPair: number;
  readonly maxPerGroup: number;
  /** As many pairs whose chosen thought says A as pairs whose chosen thought says B, within each response pair: a cap of
   * one then leaves none. */
  readonly balanceVerdicts: boolean;
  /** A response pair whose thoughts are right less often gives no preference pairs; 0 as published. */
  readonly minCorrectShare: number;
  /** A correct thought is chosen only where its counterpart in the other order is correct as well (see `consistentThoughts`). */
  readonly consistent?: boolean;
  readonly seed: number;
}

export interface ThoughtPair {
  readonly chosen: Thought;
  readonly rejected: Thought;
  readonly pairing: Exclude<Pairing, 'both'>;
}

/** Hears of each response pair: of its thoughts, and then either why it gave nothing or what it gave. */
export interface PairingAccount {
  see(thoughts: readonly Thought[]): void;
  drop(reason: string): void;
  /** `choosable`: the thoughts that may be chosen, null where all correct ones may. `candidates`: before caps and balance. */
  pair(
    thoughts: readonly Thought[],
    choosable: ReadonlySet<Thought> | null,
    candidates: number,
    made: readonly ThoughtPair[],
  ): void;
}

/** Whether a thought can be trained on: cut and unreadable ones cannot. */
const readable = ({ verdict }: Thought) => verdict === 'A' || verdict === 'B';

/** The same thought with the other letter. It is known by the one that it is made of. */
function twin(thought: Thought): Thought {
  return { ...thought, verdict: thought.verdict === 'A' ? 'B' : 'A', correct: false };
}

/** correct × incorrect thoughts of one response pair (arXiv 2501.18099), or twins, capped and balanced with a seed; `counts` hears of
 * what is left out, and why. */
export function preferencePairs(
  thoughts: readonly Thought[],
  options: PairingOptions,
  counts?: PairingAccount,
): ThoughtPair[] {
  const { pairing, maxPerPair, maxPerGroup, balanceVerdicts, seed } = options;
  counts?.see(thoughts);
  const first = thoughts[0];
  if (!first || correctShare(thoughts) < options.minCorrectShare) {
    counts?.drop(first ? 'right too rarely' : 'no thoughts');
    return [];
  }
  const next = random(seedOf(seed, 'preferences', first.round, first.pairId));
  const kinds = pairing === 'both' ? (['within-plan', 'cross-plan'] as const) : [pairing];
  const choosable = options.consistent ? consistentThoughts(thoughts) : null;
  let candidates = 0;
  const byOrder = ORDERS.map((order) => {
    const inOrder = thoughts.filter((thought) => thought.order === order && readable(thought));
    const groups = new Map<string, ThoughtPair[]>();
    for (const kind of kinds) {
      for (const chosen of inOrder) {
        if (!chosen.correct || choosable?.has(chosen) === false) continue;
        for (const rejected of kind === 'twins' ? [twin(chosen)] : inOrder) {
          if (rejected.correct || (chosen.planIndex === rejected.planIndex) !== (kind !== 'cross-plan'))
            continue;
          // Two samples of one plan's text are one plan.
          if (kind === 'cross-plan' && chosen.plan === rejected.plan) continue;
          const group = kind === 'cross-plan' ? 'cross' : `plan ${chosen.planIndex}`;
          const own = groups.get(group) ?? [];
          own.push({ chosen, rejected, pairing: kind });
          groups.set(group, own);
          candidates++;
        }
      }
    }
    return shuffle(
      next,
      [...groups.values()].flatMap((group) => shuffle(next, group).slice(0, maxPerGroup)),
    );
  });
  // An order's correct verdict is always the same letter, so balancing verdicts is balancing orders. Each order gets
  // half of the pairs; where they are not balanced, an odd one goes to either.
  const smaller = Math.min(...byOrder.map((pairs) => pairs.length));
  const odd = next() < 0.5 ? 0 : 1;
  const half = byOrder.map((pairs, order) => {
    const share = balanceVerdicts
      ? Math.min(smaller, Math.floor(maxPerPair / 2))
      : Math.floor((maxPerPair + Number(order === odd)) / 2);
    return pairs.slice(0, share);
  });
  const made = half.flat();
  counts?.pair(thoughts, choosable, candidates, made);
  return made;
}

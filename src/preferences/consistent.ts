import type { Thought } from '../types.ts';

/** The correct thoughts whose counterpart, the thought of the same plan and execution index in the other order, is correct as
 * well: what J1 (arXiv 2505.10320, section 3.2) rewards. A thought without a counterpart is not among them. */
export function consistentThoughts(thoughts: readonly Thought[]): ReadonlySet<Thought> {
  const key = ({ planIndex, executionIndex }: Thought) => `${planIndex} ${executionIndex}`;
  const right = { ab: new Set<string>(), ba: new Set<string>() };
  for (const thought of thoughts) if (thought.correct) right[thought.order].add(key(thought));
  return new Set(
    thoughts.filter(
      (thought) => thought.correct && right[thought.order === 'ab' ? 'ba' : 'ab'].has(key(thought)),
    ),
  );
}

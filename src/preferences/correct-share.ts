import type { Thought } from '../types.ts';

/** The share of thoughts that name the chosen response; 0 without thoughts. */
export function correctShare(thoughts: readonly Thought[]): number {
  return thoughts.length === 0 ? 0 : thoughts.filter(({ correct }) => correct).length / thoughts.length;
}

import { sourceContract } from './source.contract.ts';
import type { Source } from './source.ts';

/** Finished pairs of one's own, from an array: as a user of the library may write it. */
function pairs(revision: string, count: number): Source {
  async function* rows(signal?: AbortSignal) {
    for (let i = 0; i < count; i++) {
      signal?.throwIfAborted();
      yield { text: `Question ${i}`, family: 'own', response: `${i} it is`, rejected: `${i + 1} it is` };
    }
  }
  return {
    kind: 'pairs',
    revision,
    instructions: (split, signal) => (split === 'train' ? rows(signal) : null),
  };
}

sourceContract('pairs of one’s own', {
  make: () => pairs('40', 40),
  splits: ['train'],
  others: [pairs('41', 41)],
});

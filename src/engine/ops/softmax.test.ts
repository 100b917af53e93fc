import { expect, it } from 'vitest';
import { checkGradients, numbers } from './finite-difference.contract.ts';
import { attentionMask, causalMask, maskedSoftmax } from './softmax.ts';

/** Query t over keys 0..t. */
function causal(scores: readonly number[], length: number): number[] {
  return scores.map((score, at) => {
    const start = at - (at % length);
    const t = (start / length) % length;
    if (at % length > t) return 0;
    const seen = scores.slice(start, start + t + 1);
    return 1 / seen.reduce((total, other) => total + Math.exp(other - score), 0);
  });
}

const check = (batch: number, keyHeads: number, groups: number, length: number, size: number) => ({
  inputs: {
    scores: {
      shape: [batch, keyHeads, groups, length, length],
      data: numbers(batch * keyHeads * groups * length * length, 5, size),
    },
  },
  fixed: { mask: { shape: [1, 1, 1, length, length], data: Array.from(causalMask(length)) } },
  shape: [batch, keyHeads, groups, length, length],
  build: (...[graph, { scores, mask }]: Parameters<Parameters<typeof checkGradients>[0]['build']>) =>
    maskedSoftmax(graph, scores!, mask!),
  formula: ({ scores }: Readonly<Record<string, readonly number[]>>) => causal(scores!, length),
  samples: 60,
});

it('hides the other branches of a row, each row its own', () => {
  // Row 0: two shared tokens, then branches in columns 2..3 and 4..5; row 1: one sequence; row 2: a sequence of two tokens,
  // then a group that shares one token, with branches of two and one.
  const mask = attentionMask(6, {
    group: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2),
    shared: Int32Array.of(2, 2, 2, 2, 2, 2, 6, 6, 6, 6, 6, 6, 2, 2, 3, 3, 3, 3),
    branch: Int32Array.of(0, 0, 2, 2, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 5),
  });
  const seen = Array.from({ length: 18 }, (_, at) =>
    Array.from(mask.subarray(at * 6, at * 6 + 6), (value) => (value === 0 ? 'x' : '.')).join(''),
  );
  expect(seen.slice(0, 6)).toEqual(['x.....', 'xx....', 'xxx...', 'xxxx..', 'xx..x.', 'xx..xx']);
  expect(seen.slice(6, 12)).toEqual(['x.....', 'xx....', 'xxx...', 'xxxx..', 'xxxxx.', 'xxxxxx']);
  expect(seen.slice(12)).toEqual(['x.....', 'xx....', '..x...', '..xx..', '..xxx.', '..x..x']);
});

it('shows the last tokens of a sequence only, wherever the row has them', () => {
  const mask = attentionMask(
    7,
    {
      group: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2),
      shared: Int32Array.of(7, 7, 7, 7, 7, 7, 7, 2, 2, 4, 4, 4, 4, 4),
      branch: Int32Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 6),
    },
    3,
  );
  const seen = Array.from({ length: 14 }, (_, at) =>
    Array.from(mask.subarray(at * 7, at * 7 + 7), (value) => (value === 0 ? 'x' : '.')).join(''),
  );
  expect(seen.slice(0, 7)).toEqual([
    'x......',
    'xx.....',
    'xxx....',
    '.xxx...',
    '..xxx..',
    '...xxx.',
    '....xxx',
  ]);
  // Two tokens; then two that are shared, a branch of two, and one of one.
  expect(seen.slice(7)).toEqual([
    'x......',
    'xx.....',
    '..x....',
    '..xx...',
    '..xxx..',
    '...xxx.',
    '..xx..x',
  ]);
});

it.each([
  [1, 1, 1, 4],
  [2, 3, 1, 5],
  [2, 2, 2, 3],
  [1, 2, 4, 6],
  [2, 1, 3, 1],
])(
  'attends backwards only: batch %i, key heads %i, groups %i, length %i',
  async (batch, keyHeads, groups, length) => {
    await checkGradients(check(batch, keyHeads, groups, length, 2));
  },
);

it('gives future keys exactly nothing, and stays finite on large scores', async () => {
  const { y, gradients } = await checkGradients(check(1, 1, 2, 4, 50));
  for (let row = 0; row < 8; row++) {
    for (let key = (row % 4) + 1; key < 4; key++) {
      expect(y[row * 4 + key]).toBe(0);
      expect(Math.abs(gradients.scores![row * 4 + key]!)).toBe(0);
    }
  }
});

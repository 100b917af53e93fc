import { describe, expect, it } from 'vitest';
import type { Graph, Value } from '../graph.ts';
import { attention, attentionBlocks } from './attention.ts';
import { checkGradients } from './finite-difference.contract.ts';
import { attentionMask } from './softmax.ts';

const [batch, keys, groups, length, headDim] = [2, 2, 2, 8, 4];
const scale = 0.7;
const query = [batch, keys, groups, length, headDim];
const keyShape = [batch, keys, length, headDim];
/** Row 0: three shared tokens, then two branches; row 1: two sequences, of three and two tokens, then empty cells. */
const mask = attentionMask(length, {
  group: Int32Array.of(...new Array(8).fill(0), 0, 0, 0, 3, 3, 0, 0, 0),
  shared: Int32Array.of(...new Array(8).fill(3), 3, 3, 3, 5, 5, 0, 0, 0),
  branch: Int32Array.of(0, 0, 0, 3, 3, 5, 5, 5, ...new Array(8).fill(0)),
});

/** Each query over the keys it may see, one at a time. */
function attended({ q, k, v }: Readonly<Record<string, readonly number[]>>): number[] {
  const out: number[] = [];
  for (let at = 0; at < q!.length; at += headDim) {
    const head = at / headDim;
    const t = head % length;
    const group = Math.floor(head / length);
    const row = Math.floor(group / (keys * groups));
    const origin = Math.floor(group / groups) * length;
    const vector = (x: readonly number[], s: number) =>
      x.slice((origin + s) * headDim, (origin + s + 1) * headDim);
    const seen = Array.from({ length }, (_, s) => s).filter(
      (s) => mask[(row * length + t) * length + s] === 0,
    );
    const weights = seen.map((s) =>
      Math.exp(scale * vector(k!, s).reduce((sum, x, i) => sum + x * q![at + i]!, 0)),
    );
    const total = weights.reduce((a, b) => a + b, 0);
    for (let i = 0; i < headDim; i++) {
      out.push(seen.reduce((sum, s, w) => sum + (weights[w]! / total) * vector(v!, s)[i]!, 0));
    }
  }
  return out;
}

describe.each([1, 2, 4])('%i blocks', (count) => {
  const check = (
    masks: number,
    data: readonly number[],
    dims: readonly (number | string)[],
    size: number | string,
  ) => ({
    inputs: {
      q: { shape: query, dims: [...query.slice(0, 3), ...dims] },
      k: { shape: keyShape, dims: [batch, keys, ...dims] },
      v: { shape: keyShape, dims: [batch, keys, ...dims] },
    },
    fixed: { mask: { shape: [masks, 1, 1, length, length], data } },
    symbols: { L: length / count },
    shape: query,
    build: (graph: Graph, { q, k, v, mask }: Readonly<Record<string, Value>>) =>
      attention(graph, q!, k!, v!, mask!, scale, { count, size }),
    formula: attended,
    samples: 40,
  });

  it('is softmax(q kᵀ) v over what the mask lets through, and its gradient', async () => {
    await checkGradients(check(batch, [...mask], [length, headDim], length / count));
  });

  it('takes the length when run', async () => {
    const symbolic = count === 1 ? 'L' : `${count}*L`;
    await checkGradients(check(batch, [...mask], [symbolic, headDim], 'L'));
  });
});

it('cuts long rows into blocks of at most 512 tokens', () => {
  expect([1, 512, 513, 1024, 1025, 4096].map(attentionBlocks)).toEqual([1, 1, 2, 2, 4, 8]);
});

import type { InferenceSession } from 'onnxruntime-node';
import type { Parameters } from '../llama/parameters.ts';
import { shapeFeeds, tensor, weightFeeds } from '../session.ts';
import { type KeysAndValues, rowOf } from './key-value-cache.ts';

/** Prompts are padded to a multiple of this, and computed together with others of the same padded length. */
const BLOCK = 32;

/** A prompt's cache and the logits [V] of its last token. */
export interface Prefilled {
  readonly cache: KeysAndValues;
  readonly logits: Float32Array;
  /** Tokens that were computed before; of a prompt that is cut. */
  readonly cachedTokens?: number;
}

/** Caches of prompts, in their order. A prompt's arithmetic does not depend on its company: those of another padded length
 * are computed apart. */
export async function prefill(
  session: InferenceSession,
  parameters: Parameters,
  prompts: readonly (readonly number[])[],
): Promise<Prefilled[]> {
  const padded = (prompt: readonly number[]) => Math.ceil(prompt.length / BLOCK) * BLOCK;
  const out: Prefilled[] = new Array(prompts.length);
  for (const [length, indices] of Map.groupBy(prompts.keys(), (i) =>
    padded(prompts[i] as readonly number[]),
  )) {
    const batch = indices.map((i) => prompts[i] as readonly number[]);
    const results = await prefillBatch(session, parameters, batch, length);
    for (const [row, result] of results.entries()) out[indices[row] as number] = result;
  }
  return out;
}

async function prefillBatch(
  session: InferenceSession,
  parameters: Parameters,
  prompts: readonly (readonly number[])[],
  length: number,
): Promise<Prefilled[]> {
  const { numHiddenLayers, vocabSize, padTokenId } = parameters.config;
  // At least two: the runtime multiplies a single row by other means, which round differently.
  const rows = Math.max(2, prompts.length);
  const ids = new BigInt64Array(rows * length).fill(BigInt(padTokenId));
  const last = new Int32Array(rows);
  const pick = new BigInt64Array(rows);
  for (const [row, prompt] of prompts.entries()) {
    for (const [i, id] of prompt.entries()) ids[row * length + i] = BigInt(id);
    last[row] = prompt.length - 1;
    pick[row] = BigInt(row * length + prompt.length - 1);
  }
  const outputs = await session.run({
    ...weightFeeds(session, parameters),
    ...shapeFeeds(session, { P: rows, L: length }),
    ids: tensor('int64', ids, [rows * length]),
    last: tensor('int32', last, [rows]),
    pick: tensor('int64', pick, [rows]),
    total: tensor('int32', Int32Array.of(length), [1]),
  });
  const logits = outputs.logits?.data as Float32Array;
  return prompts.map((prompt, row) => {
    const slice = (name: string) =>
      rowOf(parameters.config, outputs[name]?.data as Float32Array, row, length, prompt.length);
    const layers = Array.from({ length: numHiddenLayers }, (_, l) => [
      slice(`key.${l}`),
      slice(`value.${l}`),
    ]);
    return {
      cache: { length: prompt.length, layers: layers.flat() },
      logits: logits.slice(row * vocabSize, (row + 1) * vocabSize),
    };
  });
}

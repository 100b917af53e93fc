import type { InferenceSession } from 'onnxruntime-node';
import type { LlamaConfig } from '../llama/config.ts';
import { windowOf } from '../llama/layers.ts';
import type { Parameters } from '../llama/parameters.ts';
import { MASKED } from '../ops/softmax.ts';
import { shapeFeeds, tensor, weightFeeds } from '../session.ts';
import type { Beginnings } from './beginnings.ts';
import { joined, type KeysAndValues, rowOf } from './key-value-cache.ts';
import type { Prefilled } from './prefill.ts';
import { type Stretch, stretchesOf } from './stretches.ts';

/** A prompt, and after how many tokens each of its beginnings ends that others may share. */
export interface CutPrompt {
  readonly prompt: readonly number[];
  readonly cuts: readonly number[];
}

/** New tokens are padded to a multiple of the one, what comes before them to a multiple of the other: what is alike in both is
 * computed together, up to so many tokens. */
const BLOCK = 16;
const PAST_BLOCK = 128;
const TOKENS = 2048;

const up = (count: number, block: number) => Math.ceil(count / block) * block;

/** A stretch to compute, behind what is known of the stretches before it. */
interface Job {
  readonly stretch: Stretch;
  readonly past: readonly KeysAndValues[];
}

/** Caches of cut prompts, in their order, stretch by stretch: each stretch that is not known is computed once. The same arithmetic
 * whether the others are known or not, whoever else is computed: it is a function of the prompt and its cuts. */
export async function prefillCut(
  session: InferenceSession,
  parameters: Parameters,
  prompts: readonly CutPrompt[],
  beginnings: Beginnings,
): Promise<Prefilled[]> {
  const parts = prompts.map(({ prompt, cuts }) => stretchesOf(prompt, cuts));
  const cached = parts.map((stretches) => cachedTokens(stretches, beginnings));
  const known = new Map<string, KeysAndValues>();
  // What comes first is wanted by most: it is to stay longest.
  for (const { key } of parts.flatMap((stretches) => stretches.slice(0, -1).toReversed())) {
    const had = beginnings.get(key);
    if (had) known.set(key, had);
  }
  const pastOf = (stretches: readonly Stretch[], at: number) =>
    stretches.slice(0, at).map(({ key }) => known.get(key) as KeysAndValues);
  const logits = new Map<string, Float32Array>();
  const deepest = parts.reduce((most, { length }) => Math.max(most, length), 0);
  for (let at = 0; at < deepest; at++) {
    const jobs = new Map<string, Job>();
    for (const stretches of parts) {
      const stretch = stretches[at];
      if (!stretch) continue;
      const wanted = at === stretches.length - 1 ? logits : known;
      if (!wanted.has(stretch.key)) jobs.set(stretch.key, { stretch, past: pastOf(stretches, at) });
    }
    for (const batch of batchesOf([...jobs.values()])) {
      const computed = await continueBatch(session, parameters, batch);
      for (const [i, { stretch }] of batch.entries()) {
        const result = computed[i] as Prefilled;
        known.set(stretch.key, result.cache);
        logits.set(stretch.key, result.logits);
      }
    }
  }
  for (const { key } of parts.flatMap((stretches) => stretches.slice(0, -1).toReversed()))
    beginnings.keep(key, known.get(key) as KeysAndValues);
  return parts.map((stretches, i) => ({
    cache: joined(parameters.config, pastOf(stretches, stretches.length)),
    logits: logits.get(stretches.at(-1)?.key as string) as Float32Array,
    cachedTokens: cached[i] as number,
  }));
}

/** Tokens of a prompt that need not be computed. */
export function cachedTokens(stretches: readonly Stretch[], beginnings: Beginnings): number {
  return stretches
    .slice(0, -1)
    .reduce((sum, { key, ids }) => sum + (beginnings.has(key) ? ids.length : 0), 0);
}

function batchesOf(jobs: readonly Job[]): Job[][] {
  const alike = Map.groupBy(
    jobs,
    ({ stretch: { from, ids } }) => `${up(from, PAST_BLOCK)} ${up(ids.length, BLOCK)}`,
  );
  return [...alike.values()].flatMap((group) => {
    const size = Math.max(1, Math.floor(TOKENS / up((group[0] as Job).stretch.ids.length, BLOCK)));
    return Array.from({ length: Math.ceil(group.length / size) }, (_, i) =>
      group.slice(i * size, (i + 1) * size),
    );
  });
}

/** Stretches of one padded length behind pasts of one padded length. */
async function continueBatch(
  session: InferenceSession,
  parameters: Parameters,
  jobs: readonly Job[],
): Promise<Prefilled[]> {
  const { config } = parameters;
  const { numHiddenLayers, vocabSize, padTokenId } = config;
  const [first] = jobs as readonly [Job];
  const rows = jobs.length;
  const length = up(first.stretch.ids.length, BLOCK);
  const before = up(first.stretch.from, PAST_BLOCK);
  const ids = new BigInt64Array(rows * length).fill(BigInt(padTokenId));
  const positions = new BigInt64Array(rows * length);
  // At least two: the runtime multiplies a single row by other means, which round differently.
  const pick = new BigInt64Array(Math.max(2, rows));
  for (const [row, { stretch }] of jobs.entries()) {
    for (const [i, id] of stretch.ids.entries()) ids[row * length + i] = BigInt(id);
    const last = stretch.ids.length - 1;
    // The padding's must be some that the model knows.
    for (let i = 0; i < length; i++) positions[row * length + i] = BigInt(stretch.from + Math.min(i, last));
    pick[row] = BigInt(row * length + last);
  }
  const outputs = await session.run({
    ...weightFeeds(session, parameters),
    ...shapeFeeds(session, { P: rows, L: length, D: before, T: before + length, Q: pick.length }),
    ...pastFeeds(config, jobs, before),
    ...maskFeeds(config, jobs, before, length),
    ids: tensor('int64', ids, [rows * length]),
    positions: tensor('int64', positions, [rows, length]),
    pick: tensor('int64', pick, [pick.length]),
  });
  const logits = outputs.logits?.data as Float32Array;
  const names = Array.from({ length: numHiddenLayers }, (_, l) => [`key.${l}`, `value.${l}`]).flat();
  return jobs.map(({ stretch }, row) => ({
    cache: {
      length: stretch.ids.length,
      layers: names.map((name) =>
        rowOf(config, outputs[name]?.data as Float32Array, row, length, stretch.ids.length),
      ),
    },
    logits: logits.slice(row * vocabSize, (row + 1) * vocabSize),
  }));
}

function pastFeeds(config: LlamaConfig, jobs: readonly Job[], before: number) {
  const { numHiddenLayers, numKeyValueHeads: heads, headDim } = config;
  const array = (index: number) => {
    const out = new Float32Array(jobs.length * heads * before * headDim);
    for (const [row, { past }] of jobs.entries()) {
      let at = 0;
      for (const { length, layers } of past) {
        const size = length * headDim;
        const source = layers[index] as Float32Array;
        for (let head = 0; head < heads; head++) {
          const to = ((row * heads + head) * before + at) * headDim;
          out.set(source.subarray(head * size, (head + 1) * size), to);
        }
        at += length;
      }
    }
    return tensor('float32', out, [jobs.length, heads, before, headDim]);
  };
  return Object.fromEntries(
    Array.from({ length: 2 * numHiddenLayers }, (_, i) => [
      `past.${i % 2 === 0 ? 'key' : 'value'}.${i >> 1}`,
      array(i),
    ]),
  );
}

function maskFeeds(config: LlamaConfig, jobs: readonly Job[], before: number, length: number) {
  const total = before + length;
  const mask = (window: number) => {
    const out = new Float32Array(jobs.length * length * total).fill(MASKED);
    for (const [row, { stretch }] of jobs.entries()) {
      for (let i = 0; i < length; i++) {
        const origin = (row * length + i) * total;
        const start = Math.max(0, stretch.from + i + 1 - window);
        if (start < stretch.from) out.fill(0, origin + start, origin + stretch.from);
        out.fill(0, origin + before + Math.max(0, start - stretch.from), origin + before + i + 1);
      }
    }
    return tensor('float32', out, [jobs.length, 1, 1, length, total]);
  };
  const window = windowOf(config);
  return {
    mask: mask(Number.POSITIVE_INFINITY),
    ...(window === undefined ? {} : { 'mask.sliding': mask(window) }),
  };
}

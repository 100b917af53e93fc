import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LlamaConfig } from '../src/engine/llama/config.ts';
import { readGguf, writeModelGguf } from '../src/engine/llama/gguf.ts';
import { WRITTEN } from '../src/engine/llama/gguf-shapes.contract.ts';
import { randomParameters, TINY } from '../src/engine/llama/tiny.contract.ts';
import { greedy } from '../src/engine/sampling/greedy.contract.ts';
import { llamaCpp } from './downloads.ts';
import { askLlamaCpp } from './llama-cpp.ts';
import { scratch } from './reference.ts';
import { words } from './rows.ts';

const library = await llamaCpp();
const COUNT = 40;

/** Matrices that llama.cpp takes, and a vocabulary for which they are large enough. */
const BASE: LlamaConfig = {
  ...TINY,
  vocabSize: 64,
  hiddenSize: 64,
  intermediateSize: 96,
  maxPositionEmbeddings: 256,
};
const tokens = Array.from({ length: 64 }, (_, i) => `w${i}`);
const TOKENIZER = [
  ['tokenizer.ggml.model', 'string', 'gpt2'],
  ['tokenizer.ggml.pre', 'string', 'gpt-2'],
  ['tokenizer.ggml.tokens', 'strings', tokens],
  ['tokenizer.ggml.token_type', 'int32s', tokens.map(() => 1)],
  ['tokenizer.ggml.merges', 'strings', ['w 1']],
] as const;

describe.skipIf(library === null)('llama.cpp', () => {
  it(`continues as the engine does, ${COUNT} tokens, with every kind of model that it has`, async () => {
    const folder = await scratch();
    const prompts = [words(17, 0), words(40, 1)];
    const jobs = [];
    const ours = [];
    for (const [name, change] of WRITTEN) {
      const headDim = Math.max(16, change.headDim ?? 16);
      const parameters = randomParameters({ ...BASE, ...change, headDim });
      const model = join(folder, `${name}.gguf`);
      await writeModelGguf(model, parameters, { numbers: 'f32', entries: TOKENIZER });
      jobs.push({ model, prompts, count: COUNT });
      ours.push((await greedy(parameters, prompts, COUNT)).map((row) => [...row]));
      // It says by which numbers Llama 3's scaling came about only where they are the published ones.
      if (change.ropeScaling?.type !== 'llama3')
        expect((await readGguf(model)).flat, name).toEqual(parameters.flat);
    }
    const theirs = await askLlamaCpp(library as string, jobs);
    const ends = (row: readonly number[]) => {
      const end = row.indexOf(TINY.eosTokenIds[0] as number);
      return end < 0 ? row : row.slice(0, end);
    };
    for (const [i, [name]] of WRITTEN.entries()) expect(theirs[i]?.greedy, name).toEqual(ours[i]?.map(ends));
    await rm(folder, { recursive: true });
  }, 600_000);
});

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { BLOCKS } from '../src/engine/gguf/blocks.ts';
import { openGguf } from '../src/engine/gguf/file.ts';
import { sizeOf } from '../src/engine/graph.ts';
import { readCheckpoint } from '../src/engine/llama/checkpoint.ts';
import { readGguf, writeModelGguf } from '../src/engine/llama/gguf.ts';
import { allLogits } from '../src/engine/llama/logits.contract.ts';
import { tinyParameters } from '../src/engine/llama/tiny.contract.ts';
import { tokenizerFiles } from '../src/engine/model-folder.ts';
import { openCheckpoint } from '../src/model/local/checkpoint.ts';
import { tokenizerOfGguf } from '../src/model/local/gguf-tokenizer.ts';
import { entriesOfTokenizer } from '../src/model/local/gguf-tokenizer-write.ts';
import { openTokenizer } from '../src/model/local/open-tokenizer.ts';
import { difference } from './compare.ts';
import { llamaCpp } from './downloads.ts';
import { askLlamaCpp } from './llama-cpp.ts';
import { note, printLargest } from './measured.ts';
import { readTensors, reference, scratch } from './reference.ts';
import { words } from './rows.ts';
import { SHAPES } from './shapes.ts';

const python = inject('python');
const SEED = join(import.meta.dirname, '..', 'seed');
const sequences = [9, 64].map((length, i) => words(length, i));

const OTHERS = /biases|scaling|yarn|window| in (b?float16|shards)/;

describe.skipIf(python === null)('a GGUF file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await scratch();
  });
  afterAll(async () => {
    printLargest();
    await rm(folder, { recursive: true, force: true });
  });

  it('holds the numbers that the gguf package reads, in blocks of every kind', async () => {
    const [path, out] = [join(folder, 'blocks.gguf'), join(folder, 'blocks.safetensors')];
    const kinds = [...BLOCKS.values()].map(({ name }) => name);
    await reference().ask({ do: 'gguf_blocks', kinds, path, out });
    const expected = await readTensors(out);
    const file = await openGguf(path);
    expect([...file.tensors.keys()].toSorted()).toEqual(kinds.toSorted());
    for (const [name, { shape }] of file.tensors) {
      const found = new Float32Array(sizeOf(shape));
      await file.read(name, found);
      const theirs = expected.get(name)!;
      expect(found.length).toBe(theirs.length);
      const other = found.findIndex((value, i) => !Object.is(value, theirs[i]));
      expect(other < 0 ? null : [other, found[other], theirs[other]], name).toBeNull();
    }
    await file.close();
  });

  // The others transformers does not read from GGUF files; llama.cpp does. It takes the size of a head of Qwen3 for 128.
  const told = SHAPES.filter(({ name }) => /^(llama|qwen[23])/.test(name) && !OTHERS.test(name)).map(
    (shape) =>
      shape.name.startsWith('qwen3') ? { ...shape, config: { ...shape.config, head_dim: 128 } } : shape,
  );
  it.each(told)(
    'that we write of a model is the same one to transformers: $name',
    async ({ name, config }) => {
      const dir = join(folder, name);
      await reference().ask({ do: 'make', dir, config });
      const parameters = await readCheckpoint(dir);
      const path = `${dir}.gguf`;
      await writeModelGguf(path, parameters, { numbers: 'f32', entries: [] });
      const out = `${dir}.out`;
      await reference().ask({ do: 'evaluate', dir: path, sequences, out });
      const theirs = await readTensors(out);
      for (const [i, found] of (await allLogits(parameters, sequences)).entries()) {
        const apart = difference(found, theirs.get(`logits.${i}`)!);
        expect(note('logits of GGUF files', apart, name)).toBeLessThan(1e-4);
      }
      expect((await readGguf(path)).flat).toEqual(parameters.flat);
    },
  );

  it('is quantised as the gguf package does it', async () => {
    const dir = join(folder, 'wide');
    await reference().ask({
      do: 'make',
      dir,
      config: { ...SHAPES[0]!.config, hidden_size: 96, intermediate_size: 80 },
    });
    const parameters = await readCheckpoint(dir);
    const write = async (numbers: 'f32' | 'f16' | 'q8_0') => {
      const path = `${dir}-${numbers}.gguf`;
      await writeModelGguf(path, parameters, { numbers, entries: [] });
      return path;
    };
    const exact = await write('f32');
    for (const numbers of ['f16', 'q8_0'] as const) {
      const path = await write(numbers);
      expect(await reference().ask({ do: 'gguf_quantized', exact, path })).toEqual([]);
    }
    const { tensors } = await reference().ask<{ tensors: Record<string, unknown> }>({
      do: 'gguf_contents',
      path: `${dir}-q8_0.gguf`,
    });
    expect(tensors).toMatchObject({
      'token_embd.weight': ['Q8_0', 96, 64],
      'blk.0.attn_norm.weight': ['F32', 96],
      'blk.0.ffn_down.weight': ['F16', 80, 96],
    });
  });

  describe('has the tokenizer', () => {
    const texts = async () => {
      const lines = (await readFile(join(SEED, 'heldout', 'dev.jsonl'), 'utf8')).trim().split('\n');
      return lines.slice(0, 100).flatMap((line) => {
        const { instruction, chosen } = JSON.parse(line);
        return [instruction, chosen, '', ' ', '  two', 'naïve 漢字 👍', 'a\n\n b'] as string[];
      });
    };

    it('that transformers makes of a vocabulary of SentencePiece', async () => {
      const path = join(folder, 'pieces.gguf');
      const given = await texts();
      await reference().ask({ do: 'gguf_sentencepiece', path, texts: given, size: 800 });
      const theirs = await reference().ask<{ ids: number[][]; texts: string[] }>({
        do: 'gguf_tokenize',
        path,
        texts: given,
      });
      const file = await openGguf(path);
      await file.close();
      const ours = openTokenizer(path, tokenizerOfGguf(path, file.metadata));
      for (const [i, text] of given.entries()) {
        expect(ours.encode(text), JSON.stringify(text)).toEqual(theirs.ids[i]);
        expect(ours.decode(theirs.ids[i]!), JSON.stringify(text)).toBe(theirs.texts[i]);
      }
    });

    it('of the folder that it was made from, to transformers and llama.cpp', async () => {
      const [dir, path] = [join(folder, 'bpe'), join(folder, 'bpe.gguf')];
      const given = await texts();
      await reference().ask({ do: 'make_tokenizer', dir, texts: given, size: 600 });
      const { ids } = await reference().ask<{ ids: number[][] }>({ do: 'tokenize', dir, texts: given });
      const parameters = tinyParameters({ vocabSize: 600 });
      const entries = entriesOfTokenizer(dir, await tokenizerFiles(dir), 600);
      await writeModelGguf(path, parameters, { numbers: 'f32', entries });
      const theirs = await reference().ask<{ ids: number[][] }>({ do: 'gguf_tokenize', path, texts: given });
      expect(theirs.ids).toEqual(ids);
      const ours = (await openCheckpoint(path)).tokenizer;
      expect(given.map((text) => ours.encode(text))).toEqual(ids);
      const library = await llamaCpp();
      if (library === null) return;
      const [answer] = await askLlamaCpp(library, [{ model: path, prompts: given, count: 0 }]);
      expect(answer?.prompts).toEqual(ids);
    });
  });
});

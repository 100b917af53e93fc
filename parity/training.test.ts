import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readCheckpoint } from '../src/engine/llama/checkpoint.ts';
import { Adapter, allLinear } from '../src/engine/lora/adapter.ts';
import { readAdapter, writeAdapter } from '../src/engine/lora/checkpoint.ts';
import { Pool } from '../src/engine/parallel/pool.ts';
import type { Sequence } from '../src/engine/training/sequence.ts';
import { openCheckpoint } from '../src/model/local/checkpoint.ts';
import { random } from '../src/random.ts';
import { printLargest } from './measured.ts';
import { readTensors, reference, scratch, type Training } from './reference.ts';
import { longRows, type PreferenceText, preferenceRows, type SftText, sftRows } from './rows.ts';
import { SHAPES } from './shapes.ts';
import {
  BATCH,
  type Comparison,
  DPO_SETTINGS,
  dpoStep,
  expectSameTraining,
  preferences,
  SFT_SETTINGS,
  STEPS,
  type Start,
  sftSequences,
  sftStep,
} from './training.ts';

const python = inject('python');
const SEED = join(import.meta.dirname, '..', 'seed');

let folder: string;
let pool: Pool;
beforeAll(async () => {
  folder = await scratch();
  pool = new Pool();
});
afterAll(async () => {
  printLargest();
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

/** Where a training starts: a checkpoint, an adapter on it, and the reference model if that is another one. */
interface Setting {
  readonly name: string;
  readonly dir: string;
  readonly adapter?: string;
  readonly reference?: string;
}

const open = async ({ dir, adapter }: Setting): Promise<Start> =>
  adapter ? readAdapter(adapter) : { parameters: await readCheckpoint(dir) };

async function ask(setting: Setting, job: Readonly<Record<string, unknown>>): Promise<Training> {
  const { dir, adapter = null } = setting;
  return reference().ask<Training>({ do: 'train', dir, adapter, ...job });
}

async function compareSft(
  setting: Setting,
  texts: readonly SftText[],
  change: Partial<typeof SFT_SETTINGS> & { readonly gradient_accumulation_steps?: number } = {},
  weights?: Readonly<Record<number, number>>,
): Promise<Training> {
  const out = join(folder, 'sft.safetensors');
  const options = { ...SFT_SETTINGS, ...change };
  const first = options.per_device_train_batch_size;
  const theirs = await ask(setting, { kind: 'sft', rows: texts, options, out, weights });
  const { tokenizer, parameters } = await openCheckpoint(setting.dir);
  const rows = sftSequences(texts, theirs, tokenizer, parameters.config.eosTokenIds[0]!);
  const comparison: Comparison = {
    what: setting.adapter ? 'LoRA SFT' : 'SFT',
    name: setting.name,
    theirs,
    tensors: await readTensors(out),
    start: () => open(setting),
    step: sftStep(weights ? rows.map((row) => weighted(row, weights)) : rows),
    first,
    batch: first * (change.gradient_accumulation_steps ?? 1),
    steps: options.max_steps,
  };
  await expectSameTraining(pool, comparison);
  return theirs;
}

const weighted = (row: Sequence, weights: Readonly<Record<number, number>>): Sequence => {
  return { ...row, weights: row.ids.slice(row.start).map((id) => weights[id] ?? 1) };
};

async function compareDpo(
  setting: Setting,
  texts: readonly PreferenceText[],
  change: Partial<typeof DPO_SETTINGS> = {},
): Promise<void> {
  const out = join(folder, 'dpo.safetensors');
  const { reference = null } = setting;
  const options = { ...DPO_SETTINGS, ...change };
  const theirs = await ask(setting, { kind: 'dpo', rows: texts, options, out, reference });
  const { tokenizer } = await openCheckpoint(setting.dir);
  const before = reference ? { parameters: await readCheckpoint(reference) } : await open(setting);
  const rows = await preferences(texts, theirs, tokenizer, pool, before);
  await expectSameTraining(pool, {
    what: setting.adapter ? 'LoRA DPO' : 'DPO',
    name: setting.name,
    theirs,
    tensors: await readTensors(out),
    start: () => open(setting),
    step: dpoStep(rows),
    batch: options.per_device_train_batch_size,
    steps: options.max_steps,
  });
}

const sftTexts = sftRows(STEPS * BATCH);
const preferenceTexts = preferenceRows(STEPS * BATCH);

describe.skipIf(python === null)('TRL trains the same', () => {
  describe.each(SHAPES.filter(({ dtype }) => dtype === undefined))('$name', ({ name, config }) => {
    const setting = () => {
      return { name, dir: join(folder, name), reference: join(folder, `${name}, reference`) };
    };
    beforeAll(async () => {
      await reference().ask({ do: 'make', dir: setting().dir, config });
      await reference().ask({ do: 'make', dir: setting().reference, config, seed: 1 });
    });

    it('SFT', async () => {
      const { decayed } = await compareSft(setting(), sftTexts);
      // That all agree with AdamW's rule, matrices only, says the end of the training; this says why.
      const { shapes, config } = await readCheckpoint(setting().dir);
      const matrices = shapes.filter(({ shape }) => shape.length > 1).map((shape) => shape.name);
      expect(decayed).toEqual([...matrices, ...(config.tieWordEmbeddings ? ['lm_head.weight'] : [])].sort());
    });

    it('DPO with an NLL term, against another reference model', () => compareDpo(setting(), preferenceTexts));
  });

  it('SFT whose tokens have weights, as PyTorch weighs classes', async () => {
    const dir = join(folder, 'weighted');
    await reference().ask({ do: 'make', dir, config: SHAPES[0]!.config });
    await compareSft({ name: 'weighted', dir }, sftTexts, {}, { 7: 20, 23: 5, 40: 0 });
  });

  describe('the seed model', () => {
    const setting = { name: 'seed model', dir: join(SEED, 'model') };
    let texts: PreferenceText[];
    beforeAll(async () => {
      const lines = (await readFile(join(SEED, 'heldout', 'dev.jsonl'), 'utf8')).trim().split('\n');
      texts = lines.slice(0, STEPS * BATCH).map((line) => {
        const { instruction, chosen, rejected } = JSON.parse(line);
        return { prompt: instruction, chosen: ` ${chosen}`, rejected: ` ${rejected}` };
      });
    });

    it('SFT', async () => {
      await compareSft(
        setting,
        texts.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
      );
    });

    it('SFT, TRL with gradient accumulation', async () => {
      await compareSft(
        setting,
        texts.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
        { per_device_train_batch_size: BATCH / 4, gradient_accumulation_steps: 4 },
      );
    });

    it('DPO with an NLL term', () => compareDpo(setting, texts));
  });

  describe('rows of more than a thousand tokens', () => {
    const few = { per_device_train_batch_size: 2, max_steps: 8 };
    const texts = longRows(16);
    const setting = () => ({ name: 'long rows', dir: join(folder, 'long') });
    beforeAll(async () => {
      const config = { ...SHAPES[0]!.config, max_position_embeddings: 2048 };
      await reference().ask({ do: 'make', dir: setting().dir, config });
    });

    it('SFT', async () => {
      const rows = texts.map(({ prompt, chosen, rejected }) => {
        return { prompt, completion: `${chosen}${rejected}` };
      });
      await compareSft(setting(), rows, few);
    });

    it('DPO with an NLL term', () => compareDpo(setting(), texts, few));
  });

  describe.each([SHAPES[0]!, SHAPES.find(({ config }) => config.model_type === 'phi3')!])(
    'LoRA on $name',
    ({ name, config }) => {
      const setting = () => {
        return {
          name: `LoRA on ${name}`,
          dir: join(folder, `${name}, base`),
          adapter: join(folder, `${name}, adapter`),
        };
      };
      beforeAll(async () => {
        const { dir, adapter: written } = setting();
        await reference().ask({ do: 'make', dir, config });
        const { config: model } = await readCheckpoint(dir);
        const adapter = new Adapter(model, { rank: 4, alpha: 8, targets: allLinear(model) });
        // Unlike in a new adapter both matrices matter from the start.
        const next = random(7);
        for (let i = 0; i < adapter.flat.length; i++) adapter.flat[i] = 0.4 * next() - 0.2;
        await writeAdapter(written, adapter, { base: dir });
      });

      it('SFT', async () => {
        await compareSft(setting(), sftTexts);
      });

      it('DPO with an NLL term, against the adapter as it was', () => compareDpo(setting(), preferenceTexts));
    },
  );
});

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readCheckpoint } from '../src/engine/llama/checkpoint.ts';
import { allLogits } from '../src/engine/llama/logits.contract.ts';
import { Adapter, allLinear } from '../src/engine/lora/adapter.ts';
import { readAdapter, writeAdapter } from '../src/engine/lora/checkpoint.ts';
import { mergeAdapter } from '../src/engine/lora/merge.ts';
import { random } from '../src/random.ts';
import { difference } from './compare.ts';
import { note, printLargest } from './measured.ts';
import { type Evaluation, readTensors, reference, scratch } from './reference.ts';
import { words } from './rows.ts';
import { SHAPES } from './shapes.ts';

const python = inject('python');
const sequences = [3, 30, 64].map((length, i) => words(length, 90 + i));
/** All linear layers, some, and one by its path. */
const SOME = [['q_proj', 'v_proj'], ['layers.1.mlp.down_proj']];
/** One of each family. */
const FAMILIES = [
  ...new Map(
    SHAPES.filter(({ dtype }) => dtype === undefined).map((shape) => [shape.config.model_type, shape]),
  ).values(),
].map(({ name, config }, i) => ({ name, config, targets: i === 0 ? [null, ...SOME] : [null] }));

describe.skipIf(python === null).each(FAMILIES)('PEFT adapters on $name', ({ config, targets }) => {
  let folder: string;
  let base: string;
  beforeAll(async () => {
    folder = await scratch();
    base = join(folder, 'base');
    await reference().ask({ do: 'make', dir: base, config });
  });
  afterAll(async () => {
    printLargest();
    await rm(folder, { recursive: true, force: true });
  });

  /** Logits of an adapted model: PEFT's, and ours with the adapter merged into the weights. */
  async function expectSameLogits(what: string, dir: string): Promise<void> {
    const out = `${dir}.out`;
    const { loading } = await reference().ask<Evaluation>({
      do: 'evaluate',
      dir: base,
      adapter: dir,
      sequences,
      out,
    });
    expect(loading).toEqual({ missing_keys: [], unexpected_keys: [], mismatched_keys: [], error_msgs: [] });
    const theirs = await readTensors(out);
    const { parameters, adapter } = await readAdapter(dir);
    const [plain] = await allLogits(parameters, sequences);
    await mergeAdapter(parameters, adapter, 1);
    const found = await allLogits(parameters, sequences);
    expect(difference(found[0]!, plain!)).toBeGreaterThan(0.1);
    for (const [i, logits] of found.entries()) {
      const apart = difference(logits, theirs.get(`logits.${i}`)!);
      expect(note(what, apart, adapter.lora.targets.join(' ')), `sequence ${i}`).toBeLessThan(1e-4);
    }
  }

  it.each(targets.map((some) => [some]))('of ours load there and compute the same: %s', async (some) => {
    const { config } = await readCheckpoint(base);
    const targets = some ?? allLinear(config);
    const adapter = new Adapter(config, { rank: 4, alpha: 8, targets });
    const next = random(targets.length);
    for (let i = 0; i < adapter.flat.length; i++) adapter.flat[i] = 0.6 * next() - 0.3;
    const dir = join(folder, targets.join());
    await writeAdapter(dir, adapter, { base });
    await expectSameLogits('logits of adapters we wrote', dir);
  });

  it.each(targets.map((some) => [some]))('of theirs are read and compute the same: %s', async (some) => {
    const targets = some ?? 'all-linear';
    const dir = join(folder, `theirs ${targets}`);
    await reference().ask({ do: 'make_adapter', dir, base, rank: 3, alpha: 6, targets });
    await expectSameLogits('logits of adapters PEFT wrote', dir);
  });
});

import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeCheckpoint } from '../../engine/llama/checkpoint.ts';
import { tinyParameters } from '../../engine/llama/tiny.contract.ts';
import { Adapter, initialiseAdapter } from '../../engine/lora/adapter.ts';
import { writeAdapter } from '../../engine/lora/checkpoint.ts';
import { writeSafetensors } from '../../engine/safetensors.ts';
import { tokenizerConfig, tokenizerJson, VOCAB } from '../../playground/tokenizer.ts';
import { random } from '../../random.ts';

export type Files = Readonly<Record<string, Uint8Array>>;

/** All files of a folder. */
export async function filesOf(folder: string): Promise<Files> {
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );
}

/** Tiny models as a hub holds them: a checkpoint with what repositories have besides, the same in shards, and an adapter of `base`,
 * a name on the hub. */
export async function hubModels(
  base: string,
): Promise<{ readonly whole: Files; readonly sharded: Files; readonly adapter: Files }> {
  const dir = await mkdtemp(join(tmpdir(), 'hub-models-'));
  try {
    const parameters = tinyParameters({ vocabSize: VOCAB.length });
    const extraFiles = {
      'tokenizer.json': JSON.stringify(tokenizerJson()),
      'tokenizer_config.json': JSON.stringify(tokenizerConfig()),
    };
    const model = join(dir, 'model');
    await writeCheckpoint(model, parameters, { extraFiles });
    const whole = await filesOf(model);
    const { 'model.safetensors': _, ...beside } = whole;

    const parts = join(dir, 'parts');
    await mkdir(parts);
    const half = parameters.shapes.length >> 1;
    const map: Record<string, string> = {};
    for (const [i, shapes] of [parameters.shapes.slice(0, half), parameters.shapes.slice(half)].entries()) {
      const name = `model-0000${i + 1}-of-00002.safetensors`;
      for (const shape of shapes) map[shape.name] = name;
      await writeSafetensors(
        join(parts, name),
        shapes.map(({ name, shape }) => ({ name, shape, data: parameters.get(name) })),
      );
    }
    const index = { metadata: { total_size: parameters.flat.byteLength }, weight_map: map };
    const sharded = {
      ...beside,
      ...(await filesOf(parts)),
      'model.safetensors.index.json': Buffer.from(JSON.stringify(index)),
    };

    const adapter = new Adapter(parameters.config, { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'] });
    initialiseAdapter(adapter, random(1));
    adapter.flat.fill(0.01);
    await writeAdapter(join(dir, 'adapter'), adapter, { base, revision: 'main' });
    return { whole, sharded, adapter: await filesOf(join(dir, 'adapter')) };
  } finally {
    await rm(dir, { recursive: true });
  }
}

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { revision, writeCheckpoint } from '../../engine/llama/checkpoint.ts';
import { Adapter, allLinear, initialiseAdapter } from '../../engine/lora/adapter.ts';
import { writeAdapter } from '../../engine/lora/checkpoint.ts';
import { random } from '../../random.ts';
import { openCheckpoint } from './checkpoint.ts';
import { identify } from './identity.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evalplanner-identity-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('is the revision that the weights have in memory', async () => {
  const { weights, chat, base } = await identify('seed/model');
  expect(weights).toBe(revision((await openCheckpoint('seed/model')).parameters));
  expect([chat, base]).toEqual([false, undefined]);
});

test('changes with a weight, with what ends a text, and with nothing else', async () => {
  const { parameters, files } = await openCheckpoint('seed/model');
  const place = join(folder, 'model');
  const written = async () => {
    await writeCheckpoint(place, parameters, { extraFiles: files });
    return (await identify(place)).weights;
  };
  const before = await written();
  expect(before).toBe((await identify('seed/model')).weights);
  await writeFile(join(place, 'evalplanner.json'), '{}');
  expect((await identify(place)).weights).toBe(before);
  parameters.flat[5] = (parameters.flat[5] as number) + 1;
  const changed = await written();
  expect(changed).not.toBe(before);
  const tokenizer = join(place, 'tokenizer_config.json');
  await writeFile(tokenizer, (await readFile(tokenizer, 'utf8')).replace('"</s>"', '"<pad>"'));
  expect((await identify(place)).weights).not.toBe(changed);
});

test('of an adapter: its weights and its base, wherever that lies', async () => {
  const { parameters, files } = await openCheckpoint('seed/model');
  const { config } = parameters;
  const adapter = new Adapter(config, { rank: 2, alpha: 4, targets: allLinear(config) });
  initialiseAdapter(adapter, random(1));
  const base = join(folder, 'base');
  await cp('seed/model', base, { recursive: true });
  const [here, there] = [join(folder, 'here'), join(folder, 'there')];
  await writeAdapter(here, adapter, { base: 'seed/model', extraFiles: files });
  await writeAdapter(there, adapter, { base, extraFiles: files });
  const { weights } = await identify(here);
  expect(await identify(there)).toEqual({ weights, chat: false, folder: there, base });
  adapter.flat[0] = 7;
  await writeAdapter(there, adapter, { base, extraFiles: files });
  expect((await identify(there)).weights).not.toBe(weights);
});

test('of a model that the built-in engine does not run: its files', async () => {
  const place = join(folder, 'other');
  await cp('seed/model', place, { recursive: true });
  const config = JSON.parse(await readFile(join(place, 'config.json'), 'utf8'));
  await writeFile(join(place, 'config.json'), JSON.stringify({ ...config, model_type: 'mamba' }));
  const { weights } = await identify(place);
  expect(weights).toMatch(/^[0-9a-f]{16}$/);
  expect(weights).not.toBe((await identify('seed/model')).weights);
  await writeFile(join(place, 'config.json'), JSON.stringify({ ...config, model_type: 'rwkv' }));
  expect((await identify(place)).weights).not.toBe(weights);
});

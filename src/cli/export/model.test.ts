import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeCheckpoint } from '../../engine/llama/checkpoint.ts';
import { tinyParameters } from '../../engine/llama/tiny.contract.ts';
import { openCheckpoint } from '../../model/local/checkpoint.ts';
import { PRE_TOKENIZERS } from '../../model/local/pre-tokenizer.ts';
import { byteLevel } from '../../model/local/tokenizer-files.contract.ts';
import { SEED_FOLDER } from '../../package.ts';
import { run } from '../run.contract.ts';

let folder: string;
let model: string;
const parameters = tinyParameters({ vocabSize: 400, eosTokenIds: [2] });
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'export-model-'));
  model = join(folder, 'model');
  await writeCheckpoint(model, parameters, { extraFiles: byteLevel(PRE_TOKENIZERS[1]!) });
  writeFileSync(join(model, 'evalplanner.json'), JSON.stringify({ prompts: 'playground', form: 'direct' }));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a judge goes to a GGUF file, and from there to a folder', async () => {
  const [file, back] = [join(folder, 'new', 'judge.gguf'), join(folder, 'back')];
  expect(await run('export', '--model', model, '--to', 'gguf', '--dtype', 'f32', '--out', file)).toEqual({
    code: 0,
    out: `${file}\n`,
    err: '',
  });
  expect(readdirSync(join(folder, 'new'))).toEqual(['judge.gguf']);
  const again = await run('export', '--model', `gguf:${file}`, '--to', 'hf', '--out', back, '--json');
  expect(JSON.parse(again.out)).toEqual({ model: `gguf:${file}`, to: 'hf', out: back });
  expect((await openCheckpoint(back)).parameters.flat).toEqual(parameters.flat);

  const whole = join(folder, 'whole');
  expect((await run('export', '--model', model, '--to', 'hf', '--out', whole)).code).toBe(0);
  expect(JSON.parse(readFileSync(join(whole, 'evalplanner.json'), 'utf8'))).toMatchObject({ form: 'direct' });
});

test.each([
  ['--to gguf', 2, 'with --model, --to and --out'],
  ['--dtype f16 --format trl', 2, 'with --model, --to and --out'],
  ['rows.jsonl --format trl --to gguf', 2, 'by commands of their own'],
  ['--model MODEL', 2, 'with --model, --to and --out'],
  ['rows.jsonl --model MODEL --to gguf', 2, 'by commands of their own'],
  ['--model MODEL --to gguf --push a/b', 2, 'with --model, --to and --out'],
  ['--model MODEL --to onnx', 2, '--to'],
  ['--model MODEL --to hf --dtype q8_0', 2, 'is written in f32, not in q8_0'],
  ['--model ai:x/y --to gguf', 2, 'an export takes a checkpoint on this machine'],
  [`--model ${join(SEED_FOLDER, 'model')} --to gguf`, 3, 'its tokenizer has no merges'],
  ['--model MODEL/none --to gguf', 3, 'no such file'],
])('wrong use: %s', async (args, code, message) => {
  const out = join(folder, 'out');
  const given = args.split(' ').map((arg) => arg.replace('MODEL', model));
  const failed = await run('export', ...given, '--out', out);
  expect(failed.err).toContain(message);
  expect(failed.err).toMatch(/^error: .*\nfix: .*\n$/);
  expect(failed.code).toBe(code);
  expect(existsSync(out)).toBe(false);
});

test('what is there is not overwritten', async () => {
  const failed = await run('export', '--model', model, '--to', 'hf', '--out', model);
  expect(failed).toMatchObject({ code: 2, err: expect.stringContaining('exists') });
});

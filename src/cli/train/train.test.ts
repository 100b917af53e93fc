import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeStart } from '../../trainer/start.contract.ts';
import { run } from '../run.contract.ts';

let folder: string;
const path = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-train-'));
  await writeStart(path('start'));
  const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const prompt = 'Instruction: List 2 .';
  const three = [0, 1, 2];
  writeFileSync(path('sft.jsonl'), lines(three.map((i) => ({ prompt, completion: ` count ${i}` }))));
  writeFileSync(
    path('dpo.jsonl'),
    lines(three.map((i) => ({ prompt, chosen: ` count ${i}`, rejected: ' first' }))),
  );
  writeFileSync(path('other.jsonl'), '{"text": "x"}\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const train = (rows: string, out: string, ...more: string[]) =>
  run('train', path(rows), '--model', path('start'), '--out', path(out), '--batch-size', '2', ...more);

test.each([
  ['sft', /^sft: 2 steps, loss [\d.]+\n/],
  ['dpo', /^dpo: 2 steps, loss [\d.]+, margin [−\d.e]+\n/],
])('%s is told by its rows; a finished training answers the same again', async (kind, told) => {
  const first = await train(`${kind}.jsonl`, kind);
  expect(first.code).toBe(0);
  expect(first.out).toMatch(told);
  const [, checkpoint = ''] = first.out.trim().split('\n');
  expect(checkpoint).toBe(path(kind, 'step-2'));
  expect(existsSync(join(checkpoint, 'model.safetensors'))).toBe(true);
  const again = await train(`${kind}.jsonl`, kind);
  expect(again.out).toBe(first.out);
});

test('an adapter, as JSON', async () => {
  const { code, out } = await train('sft.jsonl', 'lora', '--lora-rank', '2', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ kind: 'sft', checkpoints: [path('lora', 'step-2')], dropped: 0 });
  expect(existsSync(path('lora', 'step-2', 'adapter_config.json'))).toBe(true);
});

test.each([
  [['other.jsonl', 'x'], /first row of .*other\.jsonl is none to train on/],
  [['none.jsonl', 'x'], /none\.jsonl/],
  [['sft.jsonl', 'weighted', '--verdict-weight', '9'], /sft\.jsonl has a verdict that could weigh 9/],
  [['sft.jsonl', 'x', '--verdict-weight', '-1'], /verdict-weight/],
  [['rows.csv', 'x'], /rows\.csv is no \.jsonl file/],
  [['sft.jsonl', 'x', '--learning-rate', '-1'], /learning-rate/],
])('%j is refused in two lines', async ([rows, out, ...more], message) => {
  const { code, err } = await train(rows as string, out as string, ...more);
  expect(code).toBe(2);
  expect(err).toMatch(/^error: .+\nfix: .+\n$/);
  expect(err).toMatch(message);
  expect(existsSync(path('x'))).toBe(false);
});

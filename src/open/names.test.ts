import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../cli/run.contract.ts';
import { SEED_FOLDER } from '../package.ts';
import { folderOf, inFolder, LOCAL_NAMES, MODEL_NAMES, placeOf } from './names.ts';

test.each([
  ['playground', [], { kind: 'folder', folder: join(SEED_FOLDER, 'model') }],
  ['./playground', [], { kind: 'folder', folder: './playground' }],
  ['runs/x/M2', [], { kind: 'folder', folder: 'runs/x/M2' }],
  ['m2', ['http://a/v1'], { kind: 'server', model: 'm2', baseURL: ['http://a/v1'] }],
  ['playground', ['http://a/v1'], { kind: 'folder', folder: join(SEED_FOLDER, 'model') }],
  ['embedded:m2', ['http://a/v1'], { kind: 'folder', folder: 'm2' }],
  ['openai:org/m@x@http://b:1/v1', [], { kind: 'server', model: 'org/m@x', baseURL: ['http://b:1/v1'] }],
  [
    'vllm:org/m@http://a:1/x,http://b,https://c/v1',
    [],
    { kind: 'server', model: 'org/m', baseURL: ['http://a:1/x', 'http://b', 'https://c/v1'], engine: 'vllm' },
  ],
  ['ai:anthropic/claude-x', [], { kind: 'provider', provider: 'anthropic', model: 'claude-x' }],
  ['openai:m', ['http://a/v1'], { kind: 'server', model: 'openai:m', baseURL: ['http://a/v1'] }],
  ['embedded:ai:x', [], { kind: 'folder', folder: 'ai:x' }],
] as const)('%s with %j says where the model is', (name, urls, place) => {
  expect(placeOf(name, urls)).toEqual(place);
});

test.each([
  ['openai:gpt-4o', 'openai:NAME@URL'],
  ['openai:gpt-4o@api.openai.com', 'openai:NAME@https://'],
  ['vllm:gpt-4o', 'vllm:NAME@URL'],
  ['ai:gpt-4o', 'ai:PROVIDER/NAME'],
  ['ai:../x/y', 'embedded:ai:../x/y'],
])('%s is told the form that it should have', (name, form) => {
  expect(() => placeOf(name)).toThrow(
    expect.objectContaining({ code: 'usage', remedy: expect.stringContaining(form) }),
  );
});

test('what has to be here is told so of a server', () => {
  expect(() => folderOf('ai:anthropic/x', 'a training starts from')).toThrow(
    expect.objectContaining({ code: 'usage', remedy: `name ${LOCAL_NAMES}` }),
  );
  expect(LOCAL_NAMES).not.toContain('openai:');
});

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-names-'));
  for (const judge of ['M1-SFT', 'M2-DPO', 'steps'])
    mkdirSync(join(root, 'runs/demo-quick-0/checkpoints', judge), { recursive: true });
  writeFileSync(join(root, 'runs/demo-quick-0/run.db'), '');
  writeFileSync(join(root, 'runs/demo-quick-1'), '');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const failing = (name: string) =>
  inFolder(name, name, async () => {
    throw new Error('unreadable');
  });

test.each([
  ['runs/demo-quick-0/checkpoints/M2-DOP', 'runs/demo-quick-0/checkpoints/M2-DPO'],
  ['runs/demo-quick/checkpoints/m2-dpo', 'runs/demo-quick-0/checkpoints/M2-DPO'],
  ['run/demo-quick-O/checkpoint/M1-SFT', 'runs/demo-quick-0/checkpoints/M1-SFT'],
  ['nothing/of/the/kind', null],
])('%s has a near one, %s', async (name, near) => {
  const error = await failing(join(root, name)).catch((error: unknown) => error);
  const hint = near === null ? '' : `did you mean ${join(root, near)}? `;
  expect(error).toMatchObject({
    code: 'usage',
    message: `there is no model ${join(root, name)}`,
    remedy: `${hint}A model is ${MODEL_NAMES}`,
  });
});

test('the folder of a run names its judges; of a folder that is a model the error is its own', async () => {
  await expect(failing(join(root, 'runs/demo-quick-0'))).rejects.toMatchObject({
    code: 'usage',
    remedy: expect.stringMatching(/checkpoints\/M1-SFT, .*checkpoints\/M2-DPO$/),
  });
  await expect(failing(join(root, 'runs/demo-quick-0/checkpoints/M2-DPO'))).rejects.toThrow('unreadable');
});

const pair = ['--instruction', 'x', '--a', 'y', '--b', 'z'];
const none = ['--model', 'no-such-model'];
test.each([
  [['judge', ...pair], /no model is named\nfix: say --model: playground/],
  [['bench', 'playground'], /no model is named\nfix: say --model: playground .* or .*--verdicts FILE/],
  [['bench', 'injection'], /no model is named/],
  [['judge', ...none, ...pair], /there is no model no-such-model\nfix: A model is playground/],
  [['judge', '--model', 'playground', '--plan-model', 'no-such-model', ...pair], /there is no model/],
  [['serve', 'no-such-model'], /there is no model/],
  [['serve', 'plaground'], /there is no model plaground\nfix: did you mean playground\?/],
])('%j ends with 2 and what a model may be called', async (args, said) => {
  const { code, err } = await run(...args);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(said) });
  expect(err.trimEnd().split('\n')).toHaveLength(2);
});

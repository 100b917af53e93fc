import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type FakeHub, startHub } from '../hub/server.contract.ts';
import { ppeCorrectness } from './ppe.ts';
import { rewardbench } from './rewardbench.ts';
import { benchmarkRows } from './rows.ts';

const home = mkdtempSync(join(tmpdir(), 'bench-hub-'));
let hub: FakeHub;
const jsonl = (...rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const pair = (id: number) => jsonl({ id, subset: 'hep-go', prompt: 'p', chosen: 'c', rejected: 'r' });
const answers = jsonl({
  question_id: '1',
  prompt: 'p',
  scores: [false, true],
  response_1: 'a',
  response_2: 'b',
  sampled_conflict_pairs: [[0, 1]],
});
const sets = ['MMLU-Pro', 'MATH', 'GPQA', 'MBPP-Plus', 'IFEval'];

beforeAll(async () => {
  hub = await startHub({
    datasets: {
      'allenai/reward-bench': {
        main: {
          'data/raw-00000-of-00001.jsonl': pair(1) + pair(2),
          'data/filtered-00000-of-00001.jsonl': pair(3),
        },
      },
      'mine/pairs': { main: { 'train.jsonl': pair(4) } },
      ...Object.fromEntries(
        sets.map((set) => [
          `lmarena-ai/PPE-${set}-Best-of-K`,
          { main: { 'data/train-00000-of-00001.jsonl': answers } },
        ]),
      ),
    },
  });
  for (const [name, value] of Object.entries({
    HF_ENDPOINT: hub.url,
    HF_HOME: home,
    HF_HUB_CACHE: join(home, 'cache'),
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '',
  }))
    vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  rmSync(home, { recursive: true });
});

it("takes the benchmark's own datasets of the hub where no data is named, and of their splits the official one", async () => {
  const ids = (await rewardbench.load(await benchmarkRows(rewardbench, undefined))).map(({ id }) => id);
  expect(ids).toEqual(['3']);
  const pairs = ppeCorrectness.load(await benchmarkRows(ppeCorrectness, undefined));
  expect(pairs.map(({ section, first }) => [section, first])).toEqual(
    ['MMLU-Pro', 'MATH', 'GPQA', 'MBPP+', 'IFEval'].map((set) => [set, 'b']),
  );
});

it('takes any dataset of the hub by its id, and what lies on the disk by its path', async () => {
  expect(await benchmarkRows(rewardbench, 'mine/pairs')).toHaveLength(1);
  await expect(benchmarkRows(rewardbench, 'mine/none')).rejects.toThrow(/mine\/none/);
  await expect(benchmarkRows(rewardbench, 'mine/pairs.jsonl')).rejects.toThrow(
    /cannot read mine\/pairs\.jsonl/,
  );
});

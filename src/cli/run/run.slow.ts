import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readHeldOut } from '../../package.ts';
import type { Report } from '../../report/run/report.ts';
import { run } from '../run.contract.ts';

/** A run of own pairs by a config, as somebody with a CSV has it. */
let folder: string;
const path = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-own-'));
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const rows = readHeldOut('dev')
    .split('\n')
    .filter(Boolean)
    .slice(0, 120)
    .map((line) => JSON.parse(line))
    .map(({ instruction, chosen, rejected }) => [instruction, chosen, rejected].map(quoted).join(','));
  writeFileSync(path('pairs.csv'), `prompt,chosen,rejected\n${rows.join('\n')}\n"a tie","x","x"\n`);
  writeFileSync(
    path('judge.yaml'),
    `prompts: playground
models: { judge: playground }
sources: { mine: { kind: pairs, from: ./pairs.csv, duplicates: null } }
thoughts: { plans: 2, executions: 2, maxPlanTokens: 48, maxThoughtTokens: 144 }
optimiser: { maxLength: 256, checkpoints: 1 }
rounds:
  - pairs: { mine: 30 }
    train: [{ kind: sft, name: mine, learningRate: 5.0e-4, warmupSteps: 0, epochs: 1, batchSize: 8 }]
validation: { pairs: { mine: 4 } }
test: { pairs: { mine: 6 } }
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const begin = () => run('run', path('judge.yaml'), '--out', path('run'), '--json');

test('ends with a report in the names of the config; again it says the same at once', async () => {
  const { code, out } = await begin();
  expect(code).toBe(0);
  const report = JSON.parse(out) as Report;
  expect(report.sources).toEqual(['mine']);
  expect(report.stages.map(({ name }) => name)).toEqual(['M0', 'mine']);
  expect(report.counts.pairs).toEqual({ d1: 30, validation: 4, test: 6 });
  expect(report.audit?.leaked).toBe(0);
  const [row] = readFileSync(path('run/data/sft-1.jsonl'), 'utf8').split('\n');
  expect(JSON.parse(row as string)).toMatchObject({
    prompt: expect.stringContaining('<judge>'),
    pair: expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect(JSON.parse(readFileSync(path('run/checkpoints/mine/evalplanner.json'), 'utf8'))).toMatchObject({
    version: 1,
    prompts: 'playground',
    form: 'planned',
    maxTokens: { plan: 48, thought: 144 },
    sources: ['mine'],
    trained: { judge: 'mine', seed: 0, rounds: 1, pairs: 30 },
  });
  const again = await begin();
  expect({ ...JSON.parse(again.out), seconds: 0, timings: [] }).toEqual({
    ...report,
    seconds: 0,
    timings: [],
    peakRssMB: expect.any(Number),
  });
  const judged = await run(
    ...['judge', '--model', path('run/checkpoints/mine'), '--instruction', 'Count down from 9 to 5.'],
    ...['--a', '9 8 7 6 5', '--b', '9 8 7 6', '--json'],
  );
  expect(JSON.parse(judged.out).orders).toHaveLength(2);
}, 120_000);

test('other data is another run', async () => {
  appendFileSync(path('pairs.csv'), '"one more","a","b"\n');
  const { code, err } = await begin();
  expect(code).toBe(2);
  expect(err).toMatch(/error: .*another set of instructions.*\nfix: .*--out.*\n$/);
});

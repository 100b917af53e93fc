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

test('a finished run may grow: a benchmark is played, and nothing else is done', async () => {
  const { code, out } = await run('run', path('judge.yaml'), '--out', path('run'), '--dry-run', '--json');
  expect({ code, left: JSON.parse(out).dryRun.left }).toEqual({ code: 0, left: [] });
  const grown = ['run', path('judge.yaml'), '--out', path('run'), '--set', 'benchmarks.playground.limit=4'];
  const plan = await run(...grown, '--dry-run', '--json');
  expect(JSON.parse(plan.out).dryRun.left.map(({ stage }: { stage: string }) => stage)).toEqual([
    'bench M0 playground',
    'bench mine playground',
  ]);
  const more = await run(...grown, '--json');
  expect(more.err).toContain('playground  played by M0, mine');
  const [first] = (JSON.parse(more.out) as Report).stages;
  expect(first?.benchmarks?.playground).toMatchObject({
    pairs: 4,
    interval: [expect.any(Number), expect.any(Number)],
  });
}, 120_000);

test.each([
  [['--set', 'thoughts.plans=1'], /config\.thoughts\.plans is 2 there and 1 here/],
  [['--set', 'optimiser.maxGradNorm=2'], /config\.optimiser\.maxGradNorm is 1 there and 2 here/],
  [['--seed', '1'], /holds another run: .* seed 0, not .* seed 1/],
  [['--until', 'M9'], /there is no stage M9\nfix: choose one of: pairs d1, /],
  [['--set', 'thought.plans=1'], /thought .*there is no field of this name; did you mean thoughts\?/],
])('%j is refused by its name', async (change, message) => {
  const { code, err } = await run('run', path('judge.yaml'), '--out', path('run'), ...change);
  expect(code).toBe(2);
  expect(err).toMatch(message);
});

test('doctor says of a config all that would stop it, at once', async () => {
  const good = await run('doctor', path('judge.yaml'), '--out', path('run'), '--json');
  const told = (out: string) =>
    (JSON.parse(out).checks as { name: string; status: string; detail: string }[]).slice(-6);
  expect(good.code).toBe(0);
  expect(told(good.out).at(-1)).toMatchObject({
    name: 'folder',
    detail: expect.stringContaining('holds this run'),
  });
  const text = readFileSync(path('judge.yaml'), 'utf8');
  writeFileSync(
    path('bad.yaml'),
    text.replace('judge: playground', 'judge: ./nothing').replace('kind: pairs', 'kind: math'),
  );
  const bad = await run('doctor', path('bad.yaml'), '--json');
  expect(bad.code).toBe(2);
  expect(
    told(bad.out)
      .filter(({ status }) => status === 'fail')
      .map(({ name }) => name),
  ).toEqual(['judge', 'source']);
});

test('other data is another run', async () => {
  appendFileSync(path('pairs.csv'), '"one more","a","b"\n');
  const { code, err } = await begin();
  expect(code).toBe(2);
  expect(err).toMatch(/error: .*another set of instructions.*\nfix: .*--out.*\n$/);
});

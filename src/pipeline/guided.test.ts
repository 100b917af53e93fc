import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type RunConfig, resolveConfig } from '../config.ts';
import { scripted } from '../model/scripted.ts';
import type { Model } from '../model.ts';
import { openSources } from '../open/run.ts';
import { run, stagesOf } from '../pipeline.ts';
import { PLAYGROUND_PROMPTS, PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { ledgerReport } from '../report/run/from-ledger.ts';
import { renderReport } from '../report/run/page.ts';
import { openStore, readStore } from '../store/ledger.ts';
import { rowsFile } from './folder.ts';
import { ledgerRows, madeUpRun } from './made-up-run.contract.ts';
import type { Ports } from './stage.ts';

const root = mkdtempSync(join(tmpdir(), 'evalplanner-guided-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ROWS = Array.from({ length: 90 }, (_, i) => ({
  instruction: `Say ${i}.`,
  chosen: `right ${i}`,
  rejected: `wrong ${i}`,
}));
const TRAIN = { learningRate: 1e-5, warmupSteps: 0, epochs: 1, batchSize: 8 };
const written = (thoughts: RunConfig['thoughts']): RunConfig => ({
  models: { judge: 'some/folder' },
  sources: { own: { kind: 'pairs', from: ROWS, duplicates: null } },
  rounds: [
    {
      pairs: { own: 3 },
      train: [
        { kind: 'sft', ...TRAIN },
        { kind: 'dpo', ...TRAIN },
      ],
    },
    { pairs: { own: 2 }, train: [{ kind: 'dpo', ...TRAIN }] },
  ],
  validation: { pairs: { own: 2 } },
  test: { pairs: { own: 3 } },
  controls: { unplanned: true },
  preferences: { pairing: 'twins' },
  thoughts: { plans: 2, executions: 2, ...thoughts },
});
const GUIDED = written({ writing: 'guided' });

/** Writes the format only where it is trained; led, it says A as often as B. */
function weak(name: string, trained: boolean, asked: string[], logprobs = true): Model {
  return scripted(({ text, seed, prompt: { prefill = '' } }) => {
    asked.push(text);
    const top = [
      { token: 'A', logprob: Math.log(0.5) },
      { token: 'B', logprob: Math.log(0.5) },
    ];
    if (prefill.endsWith('Verdict: [['))
      return {
        text: 'A',
        finishReason: 'length',
        ...(logprobs ? { logprobs: [{ token: 'A', logprob: Math.log(0.5), top }] } : {}),
      };
    if (!trained) return ` fine (${seed}).\n\nAnd so on`;
    if (prefill === PUBLISHED_PROMPTS.openPlan) return `Look ${seed}.${PUBLISHED_PROMPTS.closePlan}`;
    const thought = PUBLISHED_PROMPTS.formatThought('Look.', `Seen ${seed}.`, seed % 2 === 0 ? 'A' : 'B');
    return prefill === '' ? thought : thought.slice(PUBLISHED_PROMPTS.formatPlan('Look.').length);
  }, name);
}

async function made(
  name: string,
  config = GUIDED,
  change: (ports: Ports, asked: string[]) => Partial<Ports> = () => ({}),
) {
  const resolved = resolveConfig(config);
  const folder = join(root, name);
  const path = join(folder, 'run.db');
  using store = openStore(path, { config: {} });
  const asked: string[] = [];
  const up = madeUpRun(store, folder, { config: resolved });
  const { open } = up.ports.models;
  const models: Ports['models'] = {
    ...up.ports.models,
    async open(judge) {
      const { revision } = await open(judge);
      return weak(revision, judge !== 'M0', asked);
    },
  };
  const sources = await openSources(resolved);
  const ports = { ...up.ports, prompts: PUBLISHED_PROMPTS, sources, models };
  const error: unknown = await run(resolved, { ...ports, ...change(ports, asked) }, up.options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { asked, error, folder, path, rows: ledgerRows(path) };
}

test('M0 is led in its rounds and once more as a judge; whoever was trained writes freely', () => {
  const stages = stagesOf(resolveConfig(GUIDED));
  const led = stages.filter(
    (stage) =>
      (stage.kind === 'thoughts' && stage.writing === 'guided') ||
      (stage.kind === 'judge' && stage.form === 'guided'),
  );
  expect(led.map(({ name }) => name)).toEqual(['judge M0-guided', 'thoughts 1', 'thoughts 11']);
  const free = stagesOf(resolveConfig(written({})));
  expect(stages.length).toBe(free.length + 1);
  expect(JSON.stringify(free)).not.toMatch(/guided|writing/);
});

test('a model that writes nothing readable becomes a judge; its training shows no worked example', async () => {
  const { error, asked, folder, path, rows } = await made('run');
  expect(error).toBeUndefined();
  const [shot] = PUBLISHED_PROMPTS.guide?.shots ?? [];
  expect(asked.some((text) => text.includes(shot?.instruction as string))).toBe(true);
  for (const name of ['sft-1', 'dpo-1', 'dpo-2', 'unplanned']) {
    const text = readFileSync(rowsFile(folder, name), 'utf8');
    expect(text).not.toBe('');
    expect(text).not.toContain(shot?.instruction);
    for (const line of text.trim().split('\n')) {
      const { chosen, rejected } = JSON.parse(line) as Record<string, string>;
      if (chosen === undefined || rejected === undefined) continue;
      // Twins: the right letter for the wrong one.
      expect(chosen).not.toBe(rejected);
      expect(chosen.replace(/\[\[.\]\]$/, '')).toBe(rejected.replace(/\[\[.\]\]$/, ''));
    }
  }
  using store = readStore(path);
  const facts = { version: '', node: '', preset: '', seed: 0, model: '', peakRssMB: 0 };
  const report = ledgerReport(store, PUBLISHED_PROMPTS, facts);
  const { readable, stages } = report;
  expect(renderReport(report)).toContain('<th scope="row">judge M0-guided</th><td>guided</td><td>100.0</td>');
  expect(stages[0]?.name).toBe('M0-guided');
  const shares = (readable ?? []).map(({ stage, writing, outputs, readable }) => [
    stage,
    writing,
    readable / outputs,
  ]);
  expect(shares.slice(0, 4)).toEqual([
    ['judge M0-guided', 'guided', 1],
    ['judge M0', 'free', 0],
    ['thoughts 1', 'guided', 1],
    ['judge M1-SFT', 'free', 1],
  ]);
  const again = await made('run');
  expect(again.asked).toEqual([]);
  expect(again.rows).toEqual(rows);
});

describe('before the first request', () => {
  test.each<[string, (ports: Ports, asked: string[]) => Partial<Ports>, RegExp, number]>([
    [
      'a model that cannot go on from a beginning',
      ({ models }) => ({
        models: { ...models, open: async (name) => ({ ...(await models.open(name)), prefills: false }) },
      }),
      /^guided writing needs a model that goes on/,
      0,
    ],
    [
      'one that never tells log-probabilities',
      ({ models }) => ({
        models: {
          ...models,
          open: async (name) => ({ ...(await models.open(name)), logprobs: false as const }),
        },
      }),
      /log-probabilities/,
      0,
    ],
    [
      'one that turns out not to: a probe of one token tells',
      ({ models }, asked) => ({ models: { ...models, open: async () => weak('m', false, asked, false) } }),
      /log-probabilities/,
      1,
    ],
    ['prompts without a guide', () => ({ prompts: PLAYGROUND_PROMPTS }), /prompts with a guide/, 0],
  ])('%s is refused', async (name, change, message, requests) => {
    const { error, asked } = await made(name, GUIDED, change);
    expect(error).toMatchObject({ code: 'usage', message: expect.stringMatching(message) });
    expect(asked).toHaveLength(requests);
  });
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Resolved } from '../config.ts';
import { run } from '../pipeline.ts';
import type { Instruction, Source } from '../source.ts';
import { openStore } from '../store/ledger.ts';
import { ledgerRows, madeUpRun, SMALL } from './made-up-run.contract.ts';
import type { Ports, RunEvent } from './stage.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-limits-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function made(name: string, config: Resolved, change: (ports: Ports) => Partial<Ports> = () => ({})) {
  const folder = join(root, name);
  using store = openStore(join(folder, 'run.db'), { config: {} });
  const up = madeUpRun(store, folder, { config });
  const notes: string[] = [];
  const onEvent = (event: RunEvent) => {
    up.options.onEvent?.(event);
    if (event.type === 'note') notes.push(event.message);
  };
  const ports = { ...up.ports, ...change(up.ports) };
  const error = await run(config, ports, { ...up.options, onEvent }).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { ...up, notes, error, stages: store.stages() };
}

describe('a budget', () => {
  test.each([
    ['tokens', { tokens: 400 }],
    ['hours', { hours: 1e-5 }],
  ] as const)(
    'of %s ends the run, keeps what came, and lets it go on when it is raised',
    async (field, budget) => {
      const stopped = await made('run', { ...SMALL, budget });
      expect(stopped.error).toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/^the budget of .* is spent$/),
        remedy: expect.stringContaining(`budget.${field}`),
      });
      expect(stopped.stages.find(({ status }) => status === 'failed')?.message).toContain('the budget of');
      const again = await made('run', { ...SMALL, budget });
      expect(again.error).toMatchObject({ code: 'usage' });
      // What is spent already is known: hardly anything is asked any more.
      expect(again.asked.length).toBeLessThanOrEqual(64);
      const { asked, error } = await made('run', SMALL);
      expect(error).toBeUndefined();
      expect(asked.filter((key) => stopped.asked.includes(key))).toEqual([]);
      await made('whole', SMALL);
      const rows = (name: string) => ledgerRows(join(root, name, 'run.db')).thoughts;
      expect(rows('run')).toEqual(rows('whole'));
    },
  );
});

test('a model behind a server judges and thinks, and the first training says what it lacks and where its rows are', async () => {
  const { error, stages } = await made('run', SMALL, ({ models }) => ({
    models: {
      ...models,
      open: (name) => models.open(name),
      place: (name) => (name === 'M0' ? null : models.place(name)),
    },
  }));
  const file = join(root, 'run', 'data', 'sft-1.jsonl');
  expect(error).toMatchObject({
    code: 'usage',
    message: 'M1-SFT cannot be trained: M0 is a model behind a server, not a checkpoint',
    remedy: expect.stringContaining(file),
  });
  expect(readFileSync(file, 'utf8').trim().split('\n').length).toBeGreaterThan(1);
  expect(stages.filter(({ status }) => status === 'done').map(({ name }) => name)).toContain('thoughts 1');
});

test('a training without a row keeps its start and says so', async () => {
  const config = { ...SMALL, preferences: { ...SMALL.preferences, minCorrectShare: 1 } };
  const seed = join(root, 'seed');
  mkdirSync(seed);
  writeFileSync(join(seed, 'weights'), '');
  const { error, notes, stages } = await made('run', config, ({ models }) => ({
    models: { ...models, open: models.open, place: (name) => (name === 'M0' ? seed : models.place(name)) },
  }));
  expect(error).toBeUndefined();
  expect(notes).toContainEqual('there is nothing to train M1-SFT on: it stays what it began as');
  expect(stages.find(({ name }) => name === 'train M1-SFT')?.result).toMatchObject({
    kept: 'M1-SFT/start',
    rows: 0,
  });
});

describe('before the first request', () => {
  const source = (
    kind: Source['kind'],
    texts: Readonly<Record<string, readonly string[]>>,
    answer?: string,
  ): Source => ({
    kind,
    revision: 'r',
    account: () => ({ read: 7, kept: 0, left: { 'no response': 7 } }),
    instructions(split) {
      const own = texts[split];
      if (own === undefined) return null;
      return (async function* (): AsyncGenerator<Instruction> {
        for (const text of own) yield { text, family: 'f', ...(answer === undefined ? {} : { answer }) };
      })();
    },
  });
  const many = (name: string) => Array.from({ length: 40 }, (_, i) => `${name} ${i}`);
  const fine = { train: many('train'), validation: many('validation'), dev: many('dev') };

  test.each<[string, (ports: Ports) => Partial<Ports>, RegExp]>([
    [
      'a source that yields nothing',
      ({ sources }) => ({ sources: { ...sources, general: source('general', { train: [] }) } }),
      /^sources\.general has no instruction for d1 \(of 7 rows: 7 no response\)$/,
    ],
    [
      'questions without answers',
      ({ sources }) => ({ sources: { ...sources, math: source('math', fine) } }),
      /^sources\.math is of kind math, and none of its 4 instructions of d1 has an answer$/,
    ],
    [
      'held-out instructions that are all trained on',
      ({ sources }) => ({
        sources: { ...sources, general: source('general', { ...fine, dev: many('train') }) },
      }),
      /^every instruction that sources\.general holds out for dev is among its training instructions$/,
    ],
    [
      'a trainer that cannot do it',
      ({ trainer }) => ({ trainer: { ...trainer, kinds: ['sft'] as const } }),
      /^the trainer cannot do the dpo of M1-DPO$/,
    ],
  ])('%s', async (_, change, message) => {
    const { error, asked, stages } = await made('run', SMALL, change);
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
    expect(asked).toEqual([]);
    expect(stages).toEqual([]);
  });
});

describe('what training repeats of what judges are measured on', () => {
  const words = Array.from({ length: 20 }, (_, i) => `word${i}`).join(' ');
  const of = (config: Resolved) =>
    made('run', config, ({ sources }) => ({
      sources: {
        ...sources,
        general: {
          kind: 'general',
          revision: 'r',
          instructions: (split) =>
            (async function* (): AsyncGenerator<Instruction> {
              for (let i = 0; i < 40; i++) {
                const text =
                  i < 2
                    ? `${split === 'train' ? 'Please' : 'Then'} ${words} ${i}`
                    : `${split} ${i} of its own`;
                yield { text, family: 'f', response: `right ${i}`, rejected: `wrong ${i}` };
              }
            })(),
        },
      },
    }));
  const OWN = {
    ...SMALL,
    sources: { ...SMALL.sources, general: { ...SMALL.sources.general, from: 'x' } },
  } as Resolved;

  test.each([
    ['count', 6],
    ['leave-out', 4],
  ] as const)('%s', async (contamination, pairs) => {
    const { notes, stages } = await of({ ...OWN, contamination });
    const result = stages.find(({ name }) => name === 'pairs d1')?.result as Record<
      string,
      { pairs: number; repeats: unknown }
    >;
    expect(result.general?.repeats).toEqual({
      instructions: 2,
      of: { validation: 2, dev: 2 },
      leftOut: contamination === 'leave-out',
    });
    expect(result.general?.pairs).toBe(pairs);
    expect(notes).toContainEqual(
      expect.stringMatching(/^2 instructions of general in d1 repeat what judges/),
    );
  });
});

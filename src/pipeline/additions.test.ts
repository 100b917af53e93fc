import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Benchmark } from '../benchmarks/benchmark.ts';
import { playground } from '../benchmarks/custom.ts';
import type { Resolved } from '../config.ts';
import { run } from '../pipeline.ts';
import type { Instruction, Source } from '../source.ts';
import { openStore } from '../store/ledger.ts';
import { ledgerRows, type MadeUp, madeUpRun, SMALL } from './made-up-run.contract.ts';
import type { Ports } from './stage.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-additions-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const path = (name: string) => join(root, name, 'run.db');

/** Instructions that do not depend on a config. */
function source(kind: 'general' | 'math'): Source {
  async function* of(split: string): AsyncGenerator<Instruction> {
    for (let i = 0; i < 200; i++)
      if (split === 'dev')
        yield {
          text: `dev ${kind} ${i}`,
          family: 'f',
          response: `right ${kind} ${i}`,
          rejected: `wrong ${i}`,
        };
      else if (kind === 'math')
        yield { text: `${split} ${i} gold ${i * 7}`, family: 'f', answer: String(i * 7) };
      else yield { text: `${split} ${i}`, family: 'f' };
  }
  return { kind, revision: 'r', instructions: of };
}

async function made(
  name: string,
  config: Resolved,
  ports: Partial<Ports> = {},
): Promise<MadeUp & { error?: unknown }> {
  using store = openStore(path(name), { config: {} });
  const up = madeUpRun(store, join(root, name), { config });
  const sources = { general: source('general'), math: source('math') };
  try {
    await run(config, { ...up.ports, sources, ...ports }, up.options);
    return up;
  } catch (error) {
    return { ...up, error };
  }
}

/** What a run came to; generations that are not used any more stay in the ledger of one that grew. */
function outcome(name: string) {
  const { generations: _, stages: __, ...rows } = ledgerRows(path(name));
  // Sets that were added later come later.
  return { ...rows, pairs: rows.pairs?.map((row) => row.replace(/"n":\d+,/, '')).sort() };
}

const GAME: Benchmark = playground;
const PAIRS = Array.from({ length: 6 }, (_, i) => ({
  id: i < 2 ? 'same' : `b${i}`,
  prompt: `p${i}`,
  section: 's',
  subset: 'u',
  instruction: `bench ${i}`,
  first: i % 2 === 0 ? `right ${i}` : `wrong ${i}`,
  second: i % 2 === 0 ? `wrong ${i}` : `right ${i}`,
  gold: i % 2 === 0 ? ('first' as const) : ('second' as const),
}));
const benchmarks = { game: { benchmark: GAME, pairs: PAIRS } };

const DIRECT = { learningRate: 1e-4, warmupSteps: 1, epochs: 1, batchSize: 8 };

test.each<[string, (config: Resolved) => Resolved, RegExp]>([
  [
    'more plans and executions',
    (config) => ({ ...config, thoughts: { ...config.thoughts, plans: 3, executions: 3 } }),
    /^(thoughts|train|judge M[12])/,
  ],
  [
    'a further round',
    (config) => ({
      ...config,
      rounds: [...config.rounds, { pairs: { general: 3, math: 2 }, train: config.rounds[1]?.train ?? [] }],
    }),
    /^(pairs d3|thoughts 3|train M3-DPO|judge M3-DPO)$/,
  ],
  [
    'controls',
    (config) => ({ ...config, controls: { direct: DIRECT, unplanned: true } }),
    /direct|unplanned|thoughts 1[12]/,
  ],
  [
    'a benchmark',
    (config) => ({ ...config, benchmarks: { game: { orders: 'both', judges: 'ends' } } }),
    /^bench (M0|M2-DPO) game$/,
  ],
])('%s: a run that grew ends as one that began so, and pays for what is new only', async (_, grow, again) => {
  const before = await made('grown', SMALL);
  expect(before.error).toBeUndefined();
  const after = await made('grown', grow(SMALL), { benchmarks });
  expect(after.error).toBeUndefined();
  expect(after.started.filter((name) => !again.test(name))).toEqual([]);
  expect(after.asked.filter((key) => before.asked.includes(key))).toEqual([]);
  const fresh = await made('fresh', grow(SMALL), { benchmarks });
  expect(outcome('grown')).toEqual(outcome('fresh'));
  // What it did not have to ask again.
  expect(after.asked.length).toBeLessThan(fresh.asked.length);
  const idle = await made('grown', grow(SMALL), { benchmarks });
  expect(idle).toMatchObject({ asked: [], trained: [], started: [] });
});

test('more instructions in a round come after all others, and every generation that stays valid is used again', async () => {
  const before = await made('grown', SMALL);
  const [first, ...others] = SMALL.rounds as [Resolved['rounds'][number]];
  const more = { ...SMALL, rounds: [{ ...first, pairs: { general: 8, math: 4 } }, ...others] };
  const texts = () => {
    using store = openStore(path('grown'), { config: {} });
    return ['d1', 'd2'].map((split) => [...store.pairs({ split })].map(({ instruction }) => instruction));
  };
  const [d1 = [], d2] = texts();
  const after = await made('grown', more);
  expect(after.error).toBeUndefined();
  const [now = [], same] = texts();
  expect(same).toEqual(d2);
  expect(now.filter((text) => !d1.includes(text))).toEqual(['train 12', 'train 13']);
  expect(after.asked.filter((key) => before.asked.includes(key))).toEqual([]);
  expect(after.trained[0]).toBe('M1-SFT from 0');
});

test('a benchmark added where repeats are left out leaves them out of the training pairs too', async () => {
  const leaveOut: Resolved = { ...SMALL, contamination: 'leave-out' };
  const repeat = { ...PAIRS[0], id: 'repeat', instruction: 'train 3' } as (typeof PAIRS)[number];
  const added = { game: { benchmark: GAME, pairs: [...PAIRS, repeat] } };
  await made('grown', SMALL);
  expect((await made('grown', leaveOut)).started).toContain('pairs d1');
  const after = await made(
    'grown',
    { ...leaveOut, benchmarks: { game: { orders: 'both', judges: 'ends' } } },
    { benchmarks: added },
  );
  expect(after.error).toBeUndefined();
  using store = openStore(path('grown'), { config: {} });
  const trained = ['d1', 'd2'].flatMap((split) => [...store.pairs({ split })]);
  expect(trained.length).toBeGreaterThan(0);
  expect(trained.map(({ instruction }) => instruction)).not.toContain('train 3');
});

test('a benchmark that is added later is counted in the notes of pairs that are made, as if it had been there', async () => {
  const played: Resolved = { ...SMALL, benchmarks: { game: { orders: 'both', judges: 'ends' } } };
  const repeat = { ...PAIRS[0], id: 'repeat', instruction: 'train 3' } as (typeof PAIRS)[number];
  const added = { benchmarks: { game: { benchmark: GAME, pairs: [...PAIRS, repeat] } } };
  const results = (name: string) => {
    using store = openStore(path(name), { config: {} });
    return ['d1', 'd2', 'validation'].map((set) => store.stage(`pairs ${set}`)?.result);
  };
  await made('grown', SMALL);
  expect(JSON.stringify(results('grown'))).not.toContain('game');
  const after = await made('grown', played, added);
  expect(after.error).toBeUndefined();
  expect(after.started.filter((name) => !name.startsWith('bench'))).toEqual([]);
  await made('fresh', played, added);
  expect(results('grown')).toEqual(results('fresh'));
  expect(results('grown')[0]).toMatchObject({
    general: { repeats: { instructions: 1, of: { game: 1 }, leftOut: false } },
  });
  // Taken away again, it is in no count.
  await made('grown', SMALL);
  expect(JSON.stringify(results('grown'))).not.toContain('game');
});

test('a benchmark of a run is scored in both orders, by judges that are named', async () => {
  const config: Resolved = { ...SMALL, benchmarks: { game: { orders: 'both', judges: 'all' } } };
  await made('played', config, { benchmarks });
  using store = openStore(path('played'), { config: {} });
  for (const judge of ['M0', 'M1-SFT', 'M1-DPO', 'M2-DPO']) {
    const rows = [...store.evaluations({ stage: `${judge}/game` })];
    expect(rows).toHaveLength(12);
    expect(new Set(rows.map(({ pairId }) => pairId)).size).toBe(6);
    const right = rows.filter(({ correct }) => correct).length / rows.length;
    expect(store.stage(`bench ${judge} game`)?.result).toMatchObject({ pairs: 6, accuracy: right });
  }
});

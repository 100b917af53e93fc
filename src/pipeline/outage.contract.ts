import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { EvalPlannerError } from '../errors.ts';
import type { OpenAICompatibleOptions } from '../model/openai.ts';
import { run } from '../pipeline.ts';
import { storeFailure } from '../store/failure.ts';
import { openStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import { ledgerRows, type MadeUp, type MadeUpOptions, madeUpRun, SMALL } from './made-up-run.contract.ts';
import { type Asked, type Fault, type MadeUpServer, madeUpServer, say } from './made-up-server.contract.ts';

/** An outage never becomes data: every fault in every kind of stage, of models behind a real server. */

type Rows = Record<string, string[]>;

/** One stage of each kind, and of thoughts both kinds of rounds; a training's requests are those of its validation. */
export const STAGES = ['pairs d2', 'thoughts 1', 'thoughts 2', 'train M1-SFT', 'judge M1-SFT'] as const;

export interface Outage {
  /** What happens to the calls of a stage, from its n-th one on; `first` is the prompt of the first call that is hit. */
  readonly hit: (asked: Asked, response: Parameters<Fault>[1], server: MadeUpServer) => ReturnType<Fault>;
  readonly options?: Partial<OpenAICompatibleOptions>;
  readonly says: RegExp;
  readonly fix: RegExp;
  /** Prompts and seeds that are hit, of all; all when absent. */
  readonly only?: number;
}

const error = (message: string, code: string | number | null = null) => ({ error: { message, code } });
const IMPATIENT = { patience: 40, connectPatience: 40, maxConcurrency: 4 };

export const OUTAGES: Readonly<Record<string, Outage>> = {
  'a refused key': {
    hit: (_, response) => say(response, 401, error('Incorrect API key provided', 'invalid_api_key')),
    says: /cannot be used: .*401 Incorrect API key/,
    fix: /--api-key-env or --api-key-file/,
  },
  'a key that may not': {
    hit: (_, response) => say(response, 403, error('no access to this model')),
    says: /403 no access to this model/,
    fix: /the key may use this model/,
  },
  'a model that is gone': {
    hit: (_, response) => say(response, 404, error('The model does not exist')),
    says: /cannot be used: .*404 The model does not exist/,
    fix: /check the address/,
  },
  'money that ran out': {
    hit: (_, response) => say(response, 429, error('You exceeded your quota', 'insufficient_quota')),
    says: /cannot be used: .*429 You exceeded your quota/,
    fix: /.+/,
  },
  'a server that refuses everything as bad': {
    hit: (_, response) => say(response, 400, error('no slot is loaded')),
    says: /8 requests in a row failed alike: .*no slot is loaded/,
    fix: /.+/,
  },
  'a dead server': {
    hit: (_, _response, server) => {
      void server.close();
      return 'taken';
    },
    options: IMPATIENT,
    says: /cannot be used: .*did not answer/,
    fix: /check that the server at .* is running/,
  },
  'a server that hangs': {
    hit: () => 'hangs',
    options: IMPATIENT,
    says: /cannot be used: no answer in 20 s/,
    fix: /allow more time/,
  },
  'calls that time out': {
    hit: () => 'hangs',
    options: { attempts: 2 },
    only: 2,
    says: /^[12] of \d+ requests got no answer: .*no answer in 20 s/,
    fix: /run the same command again: it asks for these only/,
  },
  'a server that fails': {
    hit: (_, response) => say(response, 500, error('out of memory')),
    options: { attempts: 2 },
    says: /8 requests in a row failed alike: .*500 out of memory/,
    fix: /.+/,
  },
  'calls that fail': {
    hit: (_, response) => say(response, 500, error('a bad day')),
    options: { attempts: 2 },
    only: 1,
    says: /^1 of \d+ requests got no answer: .*500 a bad day/,
    fix: /run the same command again/,
  },
  'a server that has too much to do': {
    hit: (_, response) => say(response, 429, error('slow down')),
    options: IMPATIENT,
    says: /cannot be used: .*429 slow down/,
    fix: /run the same command again/,
  },
  'a success that is none': {
    hit: (_, response) => say(response, 200, { choices: null, ...error('provider overloaded', 503) }),
    options: IMPATIENT,
    says: /cannot be used: .*provider overloaded/,
    fix: /run the same command again/,
  },
  'answers that are cut': {
    hit: (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"choices": [{"ind');
      return 'taken';
    },
    options: { attempts: 2 },
    says: /8 requests in a row failed alike: .*not JSON/,
    fix: /.+/,
  },
};

/** Calls of the stage that are answered before the fault. */
const BEFORE = 2;

export interface Bench {
  /** An attempt at the run of that name in a process of its own, as far as its ledger knows. */
  attempt(
    name: string,
    options: MadeUpOptions & { readonly wrap?: (store: Store) => Store },
    begun?: (made: MadeUp) => void,
  ): Promise<MadeUp & { readonly error?: unknown }>;
  /** A server that is closed after the test. */
  serve(...how: Parameters<typeof madeUpServer>): Promise<MadeUpServer>;
  rows(name: string): Rows;
  folder(name: string): string;
  /** Of an undisturbed run. */
  readonly whole: Rows;
  /** A failed run has kept nothing that an undisturbed one has not; null: it could or had not to note that it failed. Answers how many
   * answers it kept. */
  kept(name: string, stage: string, error: unknown | null): number;
  /** The same run again, its server well, asks for what is missing and ends as one that was never disturbed. */
  heals(name: string, kept: number): Promise<void>;
}

/** Runs in a folder of their own, beside one that nothing disturbs. */
export function outageBench(): Bench {
  let root = '';
  let whole: Rows = {};
  const servers: MadeUpServer[] = [];
  const folder = (name: string) => join(root, name);
  const rows = (name: string): Rows => ledgerRows(join(folder(name), 'run.db'));
  const serve: Bench['serve'] = async (...how) => {
    const server = await madeUpServer(...how);
    servers.push(server);
    return server;
  };
  const attempt: Bench['attempt'] = async (name, options, begun = () => {}) => {
    using store = openStore(join(folder(name), 'run.db'), { config: { seed: SMALL.seed } });
    const { wrap = (it) => it } = options;
    const made = madeUpRun(wrap(store), folder(name), { ...options, config: SMALL });
    begun(made);
    try {
      await run(SMALL, made.ports, made.options);
      return made;
    } catch (error) {
      return { ...made, error };
    }
  };
  const kept: Bench['kept'] = (name, stage, error) => {
    const { generations = [], stages: _, ...data } = rows(name);
    {
      using store = openStore(join(folder(name), 'run.db'), { config: { seed: SMALL.seed } });
      const state =
        error === null ? { status: 'running' } : { status: 'failed', message: (error as Error).message };
      expect(store.stage(stage)).toMatchObject(state);
    }
    const answers = generations.filter((row) => JSON.parse(row).finish_reason !== 'error');
    for (const [table, found] of Object.entries({ ...data, generations: answers })) {
      const known = new Set(whole[table]);
      expect(
        found.filter((row) => !known.has(row)),
        table,
      ).toEqual([]);
    }
    return answers.length;
  };
  const heals: Bench['heals'] = async (name, answers) => {
    const server = await serve();
    const { error } = await attempt(name, { model: server.model });
    expect(error).toBeUndefined();
    expect(rows(name)).toEqual(whole);
    expect(server.calls.length).toBe((whole.generations?.length ?? 0) - answers);
  };
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'evalplanner-outage-'));
    const server = await serve();
    const { error } = await attempt('whole', { model: server.model });
    expect(error).toBeUndefined();
    whole = rows('whole');
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return {
    attempt,
    serve,
    rows,
    folder,
    kept,
    heals,
    get whole() {
      return whole;
    },
  };
}

/** One test for each: an outage, by its name, in a stage. */
export function outageContract(
  bench: Bench,
  cells: readonly (readonly [outage: string, stage: string])[],
): void {
  test.each(cells)('%s in %s', async (name, stage) => {
    const outage = OUTAGES[name] as Outage;
    const folder = `${name} ${stage}`;
    let made: MadeUp | undefined;
    let count = 0;
    const hit = new Set<string>();
    const server = await bench.serve(
      (asked, response) => {
        if (made?.started.at(-1) !== stage) return null;
        if (++count <= BEFORE) return null;
        const unit = `${asked.seed} ${asked.prompt}`;
        if (outage.only !== undefined && hit.size >= outage.only && !hit.has(unit)) return null;
        hit.add(unit);
        return outage.hit(asked, response, server);
      },
      { maxConcurrency: 4, ...outage.options },
    );
    const { error } = await bench.attempt(folder, { model: server.model }, (begun) => {
      made = begun;
    });
    expect(error).toBeInstanceOf(EvalPlannerError);
    expect(error).toMatchObject({
      code: 'model',
      message: expect.stringMatching(outage.says),
      remedy: expect.stringMatching(outage.fix),
    });
    const answers = bench.kept(folder, stage, error);
    // What had left the server was kept, but for what was in flight.
    expect(answers).toBeGreaterThanOrEqual(server.answered - 4);
    await bench.heals(folder, answers);
  });
}

/** A ledger whose n-th put of a kind in a stage finds the disk full; `stays`: so does all that is put later. */
function filling(
  store: Store,
  { put, n, at, stays }: { put: keyof Store; n: number; at: () => boolean; stays: boolean },
): Store {
  let count = 0;
  let full = false;
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name === put && at() && ++count === n) full = true;
        if (full && /^(put|add|spend|finish|fail)/.test(String(name))) {
          full = stays;
          throw storeFailure(
            Object.assign(new Error('database or disk is full'), { errcode: 13 }),
            target.path,
          );
        }
        return value.apply(target, args);
      };
    },
  });
}

export const PUTS = [
  ['pairs d2', 'putGenerations', 2],
  ['pairs d2', 'putPairs', 2],
  ['pairs d2', 'finishStage', 1],
  ['thoughts 1', 'putPlans', 2],
  ['thoughts 2', 'putThoughts', 2],
  ['train M1-SFT', 'putSteps', 2],
  ['train M1-SFT', 'putEvaluations', 1],
  ['train M1-SFT', 'finishStage', 1],
  ['judge M1-SFT', 'putEvaluations', 1],
] as const;

/** The disk is full at one put, or from then on. */
export function fullDiskContract(
  bench: Bench,
  stays: boolean,
  puts: readonly (typeof PUTS)[number][] = PUTS,
): void {
  test.each(puts)(
    `a disk that ${stays ? 'stays' : 'was'} full, in %s, at %s number %i`,
    async (stage, put, n) => {
      const folder = `full ${stays} ${stage} ${put}`;
      let made: MadeUp | undefined;
      const server = await bench.serve();
      const wrap = (store: Store) =>
        filling(store, { put, n, at: () => made?.started.at(-1) === stage, stays });
      const { error } = await bench.attempt(folder, { model: server.model, wrap }, (begun) => {
        made = begun;
      });
      expect(error).toMatchObject({
        code: 'disk',
        message: expect.stringMatching(/^The disk is full: .*run\.db/),
      });
      await bench.heals(folder, bench.kept(folder, stage, stays ? null : error));
    },
  );
}

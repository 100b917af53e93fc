import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PRESETS } from '../cli/demo/presets.ts';
import { type RunConfig, resolveConfig } from '../config.ts';
import type { Model } from '../model.ts';
import { openInputs, openRun } from '../open/run.ts';
import { run } from '../pipeline.ts';
import type { Source } from '../source.ts';
import { openStore } from '../store/ledger.ts';
import { CONFIG, type MadeUpOptions, madeUpRun } from './made-up-run.contract.ts';
import type { Models, Ports } from './stage.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-closing-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('what a stage opens it closes', () => {
  /** A planner of its own, so that a stage has two models. */
  const config = { ...CONFIG, models: { ...CONFIG.models, planner: 'another' } };

  interface Account {
    /** By name, in their order. */
    readonly opened: string[];
    readonly closed: string[];
    /** Models that were closed while they were being asked. */
    readonly early: string[];
    /** Streams of instructions that are not ended. */
    streams: number;
    readonly error: unknown;
  }

  async function account(
    options: MadeUpOptions = {},
    faults: { readonly open?: string; readonly close?: string } = {},
  ): Promise<Account> {
    using store = openStore(join(folder, 'run.db'), { config: {} });
    const made = madeUpRun(store, folder, options);
    const [opened, closed, early]: [string[], string[], string[]] = [[], [], []];
    let streams = 0;
    const counted = (name: string, model: Model): Model => {
      let asked = 0;
      return {
        revision: `${model.revision}${name === 'planner' ? name : ''}`,
        prefills: model.prefills,
        async *generate(...of) {
          asked++;
          try {
            yield* model.generate(...of);
          } finally {
            asked--;
          }
        },
        async close() {
          if (asked > 0) early.push(name);
          closed.push(name);
          await model.close();
          if (name === faults.close) throw new Error('cannot be closed');
        },
      };
    };
    const { models, sources } = made.ports;
    const watched = (source: Source): Source => ({
      ...source,
      instructions(...of) {
        const found = source.instructions(...of);
        if (found === null) return null;
        return (async function* () {
          streams++;
          try {
            yield* found;
          } finally {
            streams--;
          }
        })();
      },
    });
    const counting: Models = {
      ...models,
      async open(name) {
        if (name === faults.open) throw new Error('cannot be opened');
        const model = await models.open(name === 'planner' ? 'writer' : name);
        opened.push(name);
        return counted(name, model);
      },
    };
    const ports: Ports = {
      ...made.ports,
      models: counting,
      sources: Object.fromEntries(Object.entries(sources).map(([name, of]) => [name, watched(of)])),
    };
    let error: unknown = null;
    try {
      await run(config, ports, made.options);
    } catch (thrown) {
      error = thrown;
    }
    return { opened, closed, early, streams, error };
  }

  function balanced({ opened, closed, early, streams }: Account): void {
    expect(closed.toSorted()).toEqual(opened.toSorted());
    expect(early).toEqual([]);
    expect(streams).toBe(0);
  }

  test('in a whole run', async () => {
    const whole = await account();
    expect(whole.error).toBeNull();
    for (const name of ['writer', 'solver', 'planner', 'M0', 'M1-SFT', 'M1-SFT/step-1', 'unplanned'])
      expect(whole.opened).toContain(name);
    balanced(whole);
    // A finished one opens none.
    expect((await account()).opened).toEqual([]);
  });

  /** Throws or aborts at a unit of a stage's. */
  const at = (stage: string, unit: number, then: () => void) => {
    let units = 0;
    return (now: string | undefined) => {
      if (now === stage && ++units === unit) then();
    };
  };
  const stages = ['pairs d1', 'judge M0', 'thoughts 1', 'train M1-SFT', 'thoughts 2', 'judge M2-DPO'];

  test.each(stages)('when %s throws', async (stage) => {
    const fault = new Error('the model is gone');
    const onUnit = at(stage, 3, () => {
      throw fault;
    });
    const stopped = await account({ onUnit });
    expect(stopped.error).toBe(fault);
    expect(stopped.opened.length).toBeGreaterThan(0);
    balanced(stopped);
  });

  test.each(stages)('when %s is aborted', async (stage) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const stopped = await account({
      signal: controller.signal,
      onUnit: at(stage, 3, () => controller.abort(reason)),
    });
    expect(stopped.error).toBe(reason);
    balanced(stopped);
  });

  test('when the second model of a stage cannot be opened, or the first one not be closed', async () => {
    const shut = await account({}, { open: 'planner' });
    expect(shut.error).toMatchObject({ message: 'cannot be opened' });
    expect(shut.opened).toContain('M0');
    balanced(shut);
    const stuck = await account({}, { close: 'planner' });
    expect(stuck.error).toMatchObject({ message: 'cannot be closed' });
    balanced(stuck);
  });
});

describe.skipIf(process.platform !== 'linux')('the engine of a run ends with it', () => {
  const SMALL = {
    ...PRESETS.tiny,
    rounds: [{ ...PRESETS.tiny.rounds[0], pairs: { general: 2, math: 1 } }],
    validation: { pairs: {} },
    test: { split: 'dev', pairs: { general: 2 } },
  } as RunConfig;

  /** Threads and open handles; timers come and go. */
  const held = () => ({
    threads: readdirSync('/proc/self/task').length,
    resources: process
      .getActiveResourcesInfo()
      .filter((name) => !/Timeout|Immediate/.test(name))
      .sort(),
  });
  /** A thread that was joined may still be leaving. */
  const settled = () => expect.poll(held, { timeout: 100_000 });

  /** What is held once nothing leaves any more, however slow the machine. */
  async function steady(): Promise<ReturnType<typeof held>> {
    let last = held();
    for (let same = 0; same < 10; same++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const now = held();
      if (!isDeepStrictEqual(now, last)) same = 0;
      last = now;
    }
    return last;
  }

  /** Runs until M0 has judged; `stop` aborts at the first news of that. */
  async function work(name: string, stop = false): Promise<void> {
    const config = resolveConfig(SMALL);
    using store = openStore(join(folder, name, 'run.db'), { config: {} });
    const opened = await openRun({
      config,
      inputs: await openInputs(config),
      folder: join(folder, name),
      store,
      device: 'cpu',
    });
    const controller = new AbortController();
    try {
      await run(config, opened.ports, {
        signal: controller.signal,
        onEvent(event) {
          if (event.type !== 'stage' || event.stage.name !== 'judge M0') return;
          if (stop || event.stage.status === 'done') controller.abort(new Error('enough'));
        },
      }).catch((error: Error) => expect(error.message).toBe('enough'));
      expect(store.stage('judge M0')?.status).toBe(stop ? 'running' : 'done');
    } finally {
      await opened.close();
    }
  }

  test('its threads and handles are those of before', async () => {
    // What a process keeps once it has used it: the threads for files, those of the runtime itself.
    await Promise.all(Array.from({ length: 16 }, () => readFile(process.execPath).then(() => {})));
    await work('first');
    const before = await steady();
    await work('whole');
    await settled().toEqual(before);
    await work('stopped', true);
    await settled().toEqual(before);
    const config = resolveConfig({ ...SMALL, benchmarks: { rewardbench: { from: 'nowhere' } } });
    const inputs = await openInputs(config);
    using store = openStore(join(folder, 'none', 'run.db'), { config: {} });
    await expect(openRun({ config, inputs, folder, store, device: 'cpu' })).rejects.toThrow('nowhere');
    await settled().toEqual(before);
  });
});

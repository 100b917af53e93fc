import fs, { readdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { explain } from '../cli/failure.ts';
import { EvalPlannerError } from '../errors.ts';
import { diskFailure } from '../store/failure.ts';
import { openStore } from '../store/ledger.ts';
import { type MadeUp, type MadeUpOptions, SMALL } from './made-up-run.contract.ts';
import { type Asked, type Fault, say } from './made-up-server.contract.ts';
import { fullDiskContract, outageBench, outageContract, PUTS, STAGES } from './outage.contract.ts';

const bench = outageBench();

// One in every stage, and one of each kind: of a call, of a server that is gone, of an answer that is none. outage.slow.ts has
// the whole table.
outageContract(bench, [
  ...STAGES.map((stage) => ['a refused key', stage] as const),
  ...['a dead server', 'calls that time out', 'a success that is none'].map(
    (name) => [name, 'thoughts 1'] as const,
  ),
]);

/** A server that treats one unit of a stage in its own way: the n-th of those whose prompt ends so. */
async function onlyOne(
  folder: string,
  stage: string,
  [end, n]: readonly [string, number],
  fault: (response: Parameters<Fault>[1], again: boolean) => ReturnType<Fault>,
) {
  let made: MadeUp | undefined;
  const seen: string[] = [];
  const hit: Asked[] = [];
  const server = await bench.serve((asked, response) => {
    if (made?.started.at(-1) !== stage || !asked.prompt.endsWith(end)) return null;
    const unit = `${asked.seed} ${asked.prompt}`;
    if (!seen.includes(unit)) seen.push(unit);
    if (seen[n] !== unit) return null;
    hit.push(asked);
    return fault(response, hit.length > 1);
  });
  const { error } = await bench.attempt(folder, { model: server.model }, (begun) => {
    made = begun;
  });
  expect(error).toBeUndefined();
  const record = JSON.parse(
    bench.rows(folder).stages?.find((row) => JSON.parse(row).name === stage) as string,
  );
  expect(record.status).toBe('done');
  const count = async () => {
    using store = openStore(join(bench.folder(folder), 'run.db'), { config: { seed: SMALL.seed } });
    return { failed: store.stage(stage)?.failed, generations: store.counts().generations };
  };
  return { hit, result: JSON.parse(record.result), ...(await count()) };
}

const UNITS = {
  'pairs d2': ['<answer>', 1],
  'thoughts 1': ['</plan>', 3],
  'thoughts 2': ['</plan>', 3],
  'judge M1-SFT': ['<judge>', 3],
} as const;

describe('one request of many', () => {
  test.each(Object.entries(UNITS))(
    'that fails for good in %s is left out and counted',
    async (stage, unit) => {
      const { hit, failed, generations } = await onlyOne(`bad ${stage}`, stage, unit, (response) =>
        say(response, 400, { error: { message: 'the prompt is too long' } }),
      );
      expect(hit).toHaveLength(1);
      expect(failed).toBe(1);
      expect(generations).toMatchObject({ error: 1, refused: 0 });
      lacks(`bad ${stage}`, stage);
    },
  );

  test.each(Object.entries(UNITS))('that a filter refuses in %s stays refused', async (stage, unit) => {
    const { hit, failed, generations } = await onlyOne(`filtered ${stage}`, stage, unit, (response) =>
      say(response, 400, { error: { message: 'filtered', code: 'content_filter' } }),
    );
    expect(hit).toHaveLength(1);
    expect(failed).toBe(0);
    expect(generations).toMatchObject({ error: 0, refused: 1 });
    lacks(`filtered ${stage}`, stage);
  });

  test.each(Object.entries(UNITS))('that finds a provider busy in %s is asked again', async (stage, unit) => {
    const { hit } = await onlyOne(`busy ${stage}`, stage, unit, (response, again) =>
      again ? null : say(response, 200, { choices: null, error: { message: 'busy', code: 429 } }),
    );
    expect(hit).toHaveLength(2);
    expect(bench.rows(`busy ${stage}`)).toEqual(bench.whole);
  });

  /** The rows of a stage are those of an undisturbed run but for the one, which has none that is right or wrong. */
  function lacks(folder: string, stage: string): void {
    const [kind, of] = stage.split(' ') as [string, string];
    const table = { pairs: 'pairs', thoughts: 'thoughts', judge: 'evaluations' }[kind] as string;
    const column = { pairs: 'split', thoughts: 'round', evaluations: 'stage' }[table] as string;
    const rowsOf = (found: Record<string, string[]>) =>
      found[table]
        ?.map((row) => JSON.parse(row))
        .filter((row) => String(row[column]) === of)
        .map(({ n: _, ...row }) => row);
    const [known, made] = [rowsOf(bench.whole) ?? [], rowsOf(bench.rows(folder)) ?? []];
    const text = (row: unknown) => JSON.stringify(row);
    const strange = made.filter((row) => !known.map(text).includes(text(row)));
    expect(known.filter((row) => !made.map(text).includes(text(row)))).toHaveLength(1);
    expect(
      strange.filter(({ verdict }) => verdict === 'A' || verdict === 'B' || verdict === undefined),
    ).toEqual([]);
  }
});

fullDiskContract(
  bench,
  false,
  PUTS.filter(([stage]) => stage === 'thoughts 1' || stage === 'judge M1-SFT'),
);

const ENOSPC = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

describe('a training', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    syncBuiltinESMExports();
  });

  async function fails(name: string, fault: unknown, options: MadeUpOptions = {}): Promise<number> {
    const server = await bench.serve();
    const { error } = await bench.attempt(name, { model: server.model, ...options });
    expect(error).toBe(fault);
    const [, what, ...more] = explain(diskFailure(error, bench.folder(name)), { debug: false }).split('\n');
    expect(more).toEqual(['']);
    expect(what).toMatch(/^fix: /);
    return bench.kept(name, 'train M1-SFT', error);
  }

  const atStep = (n: number, error: unknown) => {
    let steps = 0;
    return (stage: string | undefined) => {
      if (stage === 'train M1-SFT' && ++steps === n) throw error;
    };
  };

  test.each([
    ['whose disk is full', ENOSPC],
    ['whose worker dies', new EvalPlannerError('internal', 'a worker ended', 'run the same command again')],
  ])('%s goes on', async (name, fault) => {
    await bench.heals(name, await fails(name, fault, { onUnit: atStep(3, fault) }));
  });

  test('that is stopped is not failed, and goes on', async () => {
    const controller = new AbortController();
    const reason = new Error('Ctrl-C');
    let steps = 0;
    const onUnit = () => {
      if (++steps === 3) controller.abort(reason);
    };
    const server = await bench.serve();
    const { model } = server;
    const { error } = await bench.attempt('stopped', { model, onUnit, signal: controller.signal });
    expect(error).toBe(reason);
    await bench.heals('stopped', bench.kept('stopped', 'train M1-SFT', null));
  });

  test('whose rows find no place trains on none of them', async () => {
    const { open } = fs.promises;
    vi.spyOn(fs.promises, 'open').mockImplementation(async (...args) => {
      const file = await open(...args);
      if (!/M1-SFT\.jsonl\.draft$|sft-1\.jsonl\.draft$/.test(String(args[0]))) return file;
      await file.appendFile('{"prompt": "half a');
      file.appendFile = async () => {
        throw ENOSPC;
      };
      return file;
    });
    syncBuiltinESMExports();
    const answers = await fails('rows', ENOSPC);
    vi.restoreAllMocks();
    syncBuiltinESMExports();
    expect(readdirSync(join(bench.folder('rows'), 'data'))).toEqual([]);
    await bench.heals('rows', answers);
  });

  test('whose checkpoint finds no place is no judge', async () => {
    const { cp } = fs.promises;
    const full = Object.assign(new Error('ENOSPC: no space left on device, copyfile'), {
      code: 'ENOSPC',
      path: '/from',
      dest: '/to',
    });
    vi.spyOn(fs.promises, 'cp').mockImplementation(async (from, to, options) => {
      await cp(from, to, options);
      throw full;
    });
    syncBuiltinESMExports();
    const answers = await fails('copy', full);
    vi.restoreAllMocks();
    syncBuiltinESMExports();
    expect(readdirSync(join(bench.folder('copy'), 'checkpoints'))).toEqual(['steps']);
    await bench.heals('copy', answers);
  });
});

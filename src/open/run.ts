import { createHash } from 'node:crypto';
import { CHOICE_BENCHMARKS } from '../benchmarks/choice-names.ts';
import { benchmarkOf, loadPairs } from '../benchmarks/data.ts';
import { isModel } from '../config/model.ts';
import { areRows, isSource } from '../config/source.ts';
import type { Resolved } from '../config.ts';
import type { Device } from '../engine/device.ts';
import { revision } from '../engine/llama/checkpoint.ts';
import { Pool } from '../engine/parallel/pool.ts';
import { EvalPlannerError } from '../errors.ts';
import { openCheckpoint } from '../model/local/checkpoint.ts';
import { localPlace } from '../model/local/hub.ts';
import { identify } from '../model/local/identity.ts';
import type { Model } from '../model.ts';
import { heldOutPath, readHeldOut } from '../package.ts';
import type { RunDescription } from '../pipeline/folder.ts';
import { readJudgeFile } from '../pipeline/judge-file.ts';
import type { BenchmarkData, Ports } from '../pipeline/stage.ts';
import { playground } from '../playground/source.ts';
import { type PromptSet, templateVersions } from '../prompts/set.ts';
import { openData } from '../source/data.ts';
import { mapped, presetOf } from '../source/presets.ts';
import type { Source } from '../source.ts';
import type { Store } from '../store.ts';
import { languageDetector } from '../text/language.ts';
import type { ResponsePair } from '../types.ts';
import { openModel } from './model.ts';
import { inFolder } from './names.ts';
import { openPrompts } from './prompts.ts';
import { bound, modelFolder, named, RunModels, startFolder } from './run-models.ts';
import { openServe, restingFor } from './serve.ts';
import { openTrainer } from './trainer.ts';

export interface OpenRun {
  readonly ports: Ports;
  close(): Promise<void>;
}

/** What a run reads besides its models; opened once, since files tell themselves by all their bytes. */
export interface RunInputs {
  readonly sources: Record<string, Source>;
  readonly prompts: PromptSet;
}

export interface RunSetup {
  readonly config: Resolved;
  readonly inputs: RunInputs;
  readonly folder: string;
  readonly store: Store;
  /** Tried before (requireDevice). */
  readonly device: Device;
}

/** Everything that a config names, opened; what is opened here is closed by `close`. */
export async function openRun({ config, inputs, folder, store, device }: RunSetup): Promise<OpenRun> {
  const benchmarks = await openBenchmarks(config);
  // Its threads begin with the first who needs them: models and trainers may all be elsewhere.
  let opened: Pool | undefined;
  const pool = () => {
    opened ??= new Pool(device);
    return opened;
  };
  const start = startFolder(config);
  const served = start === null ? null : await openServe(config.serve, { start, folder });
  const models = await RunModels.open(config, folder, store, pool, served);
  // Last: what throws before it leaves no threads behind.
  const trainer = await openTrainer(config.trainer, pool, start);
  return {
    ports: {
      store,
      ...inputs,
      trainer: served === null ? trainer : restingFor(trainer, served),
      models,
      benchmarks,
      folder,
    },
    async close() {
      await trainer.close();
      await served?.close();
      await opened?.close();
    },
  };
}

/** Pairs of the benchmarks that a config names. Throws EvalPlannerError `usage` or `data` for one that is not there, or is none of pairs. */
export async function openBenchmarks({ benchmarks }: Resolved): Promise<Record<string, BenchmarkData>> {
  const opened: Record<string, BenchmarkData> = {};
  for (const [name, { from }] of Object.entries(benchmarks)) {
    if (CHOICE_BENCHMARKS.some((choice) => choice.name === name))
      throw new EvalPlannerError(
        'usage',
        `benchmarks.${name}: it has choices among several responses, and a run plays pairs`,
        `leave it out, and measure the finished judge by \`evalplanner bench ${name}\``,
      );
    const benchmark = benchmarkOf(name);
    opened[name] = { benchmark, pairs: await loadPairs(benchmark, from) };
  }
  return opened;
}

/** Sources and prompts of a config. Throws EvalPlannerError: `usage`, `data` or `network` for what is not there. */
export async function openInputs(config: Resolved): Promise<RunInputs> {
  return { sources: await openSources(config), prompts: await openPrompts(config) };
}

/** The sources of a config, by their names. Throws EvalPlannerError: `usage`, `data` or `network` for one that is not there. */
export async function openSources(config: Resolved): Promise<Record<string, Source>> {
  const opened: Record<string, Source> = {};
  for (const [name, source] of Object.entries(config.sources))
    opened[name] = await openSource(name, source, config.seed);
  return opened;
}

async function openSource(name: string, source: Resolved['sources'][string], seed: number): Promise<Source> {
  const {
    kind,
    from,
    validation,
    test,
    dev,
    preset,
    fields,
    languages,
    onBadRow,
    rejected: _,
    ...select
  } = source;
  if (isSource(from)) return from;
  if (from === 'playground') {
    if (kind !== 'pairs') return playground({ kind, seed, heldOut: HELD_OUT });
    throw new EvalPlannerError(
      'usage',
      `sources.${name}: the playground has no finished pairs`,
      'give it kind general or math',
    );
  }
  if (preset !== undefined && fields !== undefined)
    throw new EvalPlannerError('usage', `sources.${name} has preset and fields`, 'give one of them');
  const list = (places: string | readonly string[]) => [places].flat();
  const given = Object.entries({ validation, test, dev }).flatMap(([split, places]) =>
    places === undefined ? [] : [[split, list(places)] as const],
  );
  return openData({
    ...(Object.fromEntries(Object.entries(select).filter(([, value]) => value !== undefined)) as object),
    kind,
    from: areRows(from) ? { rows: from } : list(from),
    given: Object.fromEntries(given),
    skipBadRows: onBadRow === 'skip',
    seed,
    ...(fields ? { preset: mapped(fields) } : preset === undefined ? {} : { preset: presetOf(preset) }),
    ...(languages ? { languages, detect: await languageDetector() } : {}),
  });
}

/** The pairs that judges are measured on, as they come with the package. */
const HELD_OUT = {
  get revision(): string {
    const digest = createHash('sha256').update(readHeldOut('dev')).update(readHeldOut('test')).digest('hex');
    return digest.slice(0, 16);
  },
  pairs(split: 'dev' | 'test'): ResponsePair[] {
    const lines = readHeldOut(split).split('\n').filter(Boolean);
    try {
      return lines.map((line) => JSON.parse(line) as ResponsePair);
    } catch (error) {
      throw new EvalPlannerError(
        'data',
        `${heldOutPath(split)} is damaged`,
        'install the package again, or in a checkout: git checkout seed/heldout',
        error,
      );
    }
  },
};

/** What a run's ledger is a function of besides its config: the weights of M0, what its sources give and its prompts say; and the
 * config with the form that M0 knows. */
export async function runFacts(
  config: Resolved,
  { sources, prompts }: RunInputs,
): Promise<{
  readonly config: Resolved;
  readonly facts: Pick<RunDescription, 'model' | 'sources' | 'prompts'>;
}> {
  const { judge } = config.models;
  const folder = isModel(judge) ? null : modelFolder(named(judge).model);
  const known = folder === null ? null : await readJudgeFile(await localPlace(folder));
  const form = config.models.form ?? (known?.form === 'planned' ? 'planned' : undefined);
  const revisions = Object.entries(sources).map(([name, { revision }]) => [name, revision]);
  return {
    config: form === undefined ? config : { ...config, models: { ...config.models, form } },
    facts: {
      model: await revisionOf(config, folder),
      sources: Object.fromEntries(revisions),
      prompts: templateVersions(prompts),
    },
  };
}

/** The model of a role, by itself, and its name; whoever opens it closes it. */
export async function openRole(
  { models }: Resolved,
  role: 'judge' | 'writer' | 'solver' | 'planner',
): Promise<{ readonly model: Model; readonly name: string }> {
  const choice = models[role] ?? models.judge;
  if (isModel(choice))
    return { model: { ...bound(choice), close: async () => {} }, name: 'a model of your own' };
  const { model: name, options } = named(choice);
  return { model: await openModel(name, options), name };
}

async function revisionOf(
  { models: { judge }, serve }: Pick<Resolved, 'models' | 'serve'>,
  folder: string | null,
): Promise<string> {
  if (isModel(judge)) return judge.revision;
  const { model, options } = named(judge);
  // What is served may be too large for this machine.
  if (folder !== null && serve !== 'embedded')
    return (await inFolder(model, folder, (place) => identify(place))).weights;
  if (folder !== null) return revision((await inFolder(model, folder, openCheckpoint)).parameters);
  const opened = await openModel(model, options);
  await opened.close();
  return opened.revision;
}

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Resolved } from '../config.ts';
import type { Device } from '../engine/device.ts';
import { revision } from '../engine/llama/checkpoint.ts';
import { Pool } from '../engine/parallel/pool.ts';
import { EvalPlannerError } from '../errors.ts';
import { EmbeddedModel } from '../model/embedded.ts';
import { type Checkpoint, openCheckpoint } from '../model/local/checkpoint.ts';
import type { Model } from '../model.ts';
import { heldOutPath, readHeldOut } from '../package.ts';
import { checkpointFolder, type RunDescription, stepsFolder } from '../pipeline/folder.ts';
import type { Models, Ports } from '../pipeline/stage.ts';
import { playground } from '../playground/source.ts';
import { openData } from '../source/data.ts';
import { mapped, presetOf } from '../source/presets.ts';
import type { Source } from '../source.ts';
import type { Store } from '../store.ts';
import { languageDetector } from '../text/language.ts';
import { EmbeddedTrainer } from '../trainer/embedded.ts';
import type { ResponsePair } from '../types.ts';
import { openModel } from './model.ts';
import { folderOf, inFolder, placeOf } from './names.ts';
import { promptSet } from './prompts.ts';

export interface OpenRun {
  readonly ports: Ports;
  close(): Promise<void>;
}

export interface RunSetup {
  readonly config: Resolved;
  readonly folder: string;
  readonly store: Store;
  /** Tried before (requireDevice). */
  readonly device: Device;
}

/** Everything that a config names, opened; what is opened here is closed by `close`. */
export async function openRun({ config, folder, store, device }: RunSetup): Promise<OpenRun> {
  const sources = await openSources(config);
  // Last: what throws before it leaves no threads behind.
  const pool = new Pool(device);
  const trainer = new EmbeddedTrainer(pool);
  return {
    ports: {
      store,
      trainer,
      prompts: promptSet(config.prompts),
      models: new EmbeddedModels(config, folder, pool),
      sources,
      folder,
    },
    async close() {
      await trainer.close();
    },
  };
}

const TRAINING = 'models.judge has to be';

/** The checkpoint that a config names. */
const openNamed = (name: string) => inFolder(name, folderOf(name, TRAINING), openCheckpoint);

/** The roles of a config and the judges of a run, in this process; all share one pool. */
class EmbeddedModels implements Models {
  readonly prefills = true;
  readonly #config: Resolved;
  readonly #folder: string;
  readonly #pool: Pool;

  constructor(config: Resolved, folder: string, pool: Pool) {
    this.#config = config;
    this.#folder = folder;
    this.#pool = pool;
  }

  async open(name: string): Promise<Model> {
    const { models } = this.#config;
    const role = name === 'writer' || name === 'solver' || name === 'planner' ? name : null;
    const given = role === null ? (name === 'M0' ? models.judge : null) : (models[role] ?? models.judge);
    // A model of the caller's own is the caller's to close.
    if (given !== null && typeof given !== 'string') return { ...bound(given), close: async () => {} };
    if (given !== null && placeOf(given).kind !== 'folder') return openModel(given, {});
    const { parameters, tokenizer, files } = given === null ? await this.#own(name) : await openNamed(given);
    return new EmbeddedModel(this.#pool, parameters, tokenizer, files);
  }

  /** A checkpoint that the run wrote itself needs another remedy than one that was chosen. */
  async #own(name: string): Promise<Checkpoint> {
    const place = this.place(name);
    return openCheckpoint(place).catch((error: unknown) => {
      throw ofThisRun(error, place);
    });
  }

  place(name: string): string {
    const { judge } = this.#config.models;
    if (name !== 'M0') {
      const [own, step] = name.split('/') as [string, string?];
      return step === undefined
        ? checkpointFolder(this.#folder, own)
        : join(stepsFolder(this.#folder, own), step);
    }
    if (typeof judge === 'string') return folderOf(judge, TRAINING);
    throw new EvalPlannerError(
      'usage',
      'models.judge is an object, and a training needs a checkpoint to start from',
      'give models.judge the folder of a checkpoint',
    );
  }
}

/** Its methods, whatever class it is of. */
const bound = (model: Model): Model => ({
  revision: model.revision,
  prefills: model.prefills,
  ...(model.chat === undefined ? {} : { chat: model.chat }),
  generate: (...of) => model.generate(...of),
  close: () => model.close(),
});

function ofThisRun(error: unknown, checkpoint: string): unknown {
  if (!(error instanceof EvalPlannerError)) return error;
  const remedy = `restore ${checkpoint} from a copy, or start a new run in another folder with --out; the rest of this one is kept`;
  return new EvalPlannerError(error.code, error.message, remedy, error);
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
  if (typeof from === 'object' && !Array.isArray(from)) return from;
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
    from: list(from),
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

/** What a run's ledger is a function of besides its config: the weights of M0 and what its sources give. */
export async function runFacts(config: Resolved): Promise<Pick<RunDescription, 'model' | 'sources'>> {
  const { judge } = config.models;
  const model = typeof judge === 'string' ? revision((await openNamed(judge)).parameters) : judge.revision;
  const sources = Object.entries(await openSources(config)).map(([name, { revision }]) => [name, revision]);
  return { model, sources: Object.fromEntries(sources) };
}

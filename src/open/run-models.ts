import { join } from 'node:path';
import { isModel, type ModelChoice } from '../config/model.ts';
import type { Resolved } from '../config.ts';
import type { Pool } from '../engine/parallel/pool.ts';
import { EvalPlannerError } from '../errors.ts';
import { EmbeddedModel } from '../model/embedded.ts';
import { openCheckpoint } from '../model/local/checkpoint.ts';
import { identify } from '../model/local/identity.ts';
import { Purse } from '../model/remote/budget.ts';
import type { ServedModels } from '../model/served/served.ts';
import type { Model } from '../model.ts';
import { checkpointFolder, stepsFolder } from '../pipeline/folder.ts';
import type { Models } from '../pipeline/stage.ts';
import type { Store } from '../store.ts';
import { type ModelOptions, openModel } from './model.ts';
import { inFolder, placeOf } from './names.ts';

/** The folder of a model that is named in a config; null for one behind a server. */
export function modelFolder(name: string): string | null {
  const place = placeOf(name);
  return place.kind === 'folder' ? place.folder : null;
}

/** The folder of M0; null where it is none of this machine's. */
export function startFolder({ models: { judge } }: Resolved): string | null {
  return isModel(judge) ? null : modelFolder(named(judge).model);
}

/** A model of a config that is no object: its name, and what its server wants to know. */
export function named(choice: Exclude<ModelChoice, Model>): {
  readonly model: string;
  readonly options: ModelOptions;
} {
  if (typeof choice === 'string') return { model: choice, options: {} };
  const { model, ...options } = choice;
  return { model, options: options as ModelOptions };
}

/** The roles of a config and the judges of a run; those in this process share one pool. */
export class RunModels implements Models {
  readonly prefills: boolean;
  readonly #config: Resolved;
  readonly #folder: string;
  /** What is left of the budget: servers are never asked for more than it may hold. */
  readonly #purse: Purse | null;
  readonly #pool: () => Pool;
  /** Samples M0 and the judges of the run in place of this process. */
  readonly #served: ServedModels | null;

  static async open(
    config: Resolved,
    folder: string,
    store: Store,
    pool: () => Pool,
    served: ServedModels | null,
  ): Promise<RunModels> {
    const start = startFolder(config);
    const prefills = served === null || start === null || served.prefills(await identify(start));
    return new RunModels(config, folder, store, pool, served, prefills);
  }

  private constructor(
    config: Resolved,
    folder: string,
    store: Store,
    pool: () => Pool,
    served: ServedModels | null,
    prefills: boolean,
  ) {
    this.prefills = prefills;
    this.#served = served;
    this.#config = config;
    this.#folder = folder;
    const cost = config.budget?.cost;
    const spent = store.stages().reduce((sum, stage) => sum + stage.cost, 0);
    this.#purse = cost === undefined ? null : new Purse(cost - spent);
    this.#pool = pool;
  }

  async open(name: string): Promise<Model> {
    const choice = this.#choice(name);
    if (choice === null) {
      const place = this.place(name) as string;
      return this.#checkpoint(name, place).catch((error: unknown) => {
        throw ofThisRun(error, place);
      });
    }
    // A model of the caller's own is the caller's to close.
    if (isModel(choice)) return { ...bound(choice), close: async () => {} };
    const { model, options } = named(choice);
    const folder = modelFolder(model);
    if (folder === null)
      return openModel(model, { ...options, ...(this.#purse ? { purse: this.#purse } : {}) });
    const isM0 = folder === startFolder(this.#config);
    return inFolder(model, folder, (place) => (isM0 ? this.#checkpoint('M0', place) : this.#embedded(place)));
  }

  async ready(signal?: AbortSignal): Promise<void> {
    const start = startFolder(this.#config);
    if (start !== null) await this.#served?.ready(start, signal);
  }

  place(name: string): string | null {
    if (name !== 'M0') {
      const [own, step] = name.split('/') as [string, string?];
      return step === undefined
        ? checkpointFolder(this.#folder, own)
        : join(stepsFolder(this.#folder, own), step);
    }
    return startFolder(this.#config);
  }

  /** What the config says of a role, or of M0; null for a judge of this run. */
  #choice(name: string): ModelChoice | null {
    const { judge, writer, solver, planner } = this.#config.models;
    const roles: Readonly<Record<string, ModelChoice>> = {
      M0: judge,
      writer: writer ?? judge,
      solver: solver ?? judge,
      planner: planner ?? judge,
    };
    return roles[name] ?? null;
  }

  /** M0, or a judge of this run. */
  #checkpoint(name: string, place: string): Promise<Model> {
    return this.#served === null ? this.#embedded(place) : this.#served.open(name, place);
  }

  async #embedded(place: string): Promise<Model> {
    const { parameters, tokenizer, files } = await openCheckpoint(place);
    return new EmbeddedModel(this.#pool(), parameters, tokenizer, files);
  }
}

/** Its methods, whatever class it is of. */
export const bound = (model: Model): Model => ({
  revision: model.revision,
  prefills: model.prefills,
  ...(model.chat === undefined ? {} : { chat: model.chat }),
  ...(model.logprobs === undefined ? {} : { logprobs: model.logprobs }),
  generate: (...of) => model.generate(...of),
  close: () => model.close(),
});

function ofThisRun(error: unknown, checkpoint: string): unknown {
  if (!(error instanceof EvalPlannerError)) return error;
  const remedy = `restore ${checkpoint} from a copy, or start a new run in another folder with --out; the rest of this one is kept`;
  return new EvalPlannerError(error.code, error.message, remedy, error);
}

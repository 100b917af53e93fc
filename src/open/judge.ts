import { existsSync } from 'node:fs';
import { EvalPlannerError } from '../errors.ts';
import type { JudgeOptions } from '../judging/settings.ts';
import { localPlace } from '../model/local/hub.ts';
import type { Model } from '../model.ts';
import { readJudgeFile } from '../pipeline/judge-file.ts';
import { promptSet } from '../prompts/own.ts';
import { PLAYGROUND_PROMPTS, type PromptSet, PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { DryRun } from '../sampling/dry-run.ts';
import { openStore, readStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import { changedSince, type KnownOptions, knownOptions } from './judge-options.ts';
import { optionsWithKeys } from './keys.ts';
import { checkModelOptions, type ModelOptions, openModel } from './model.ts';
import { type ModelPlace, noModel, placeOf } from './names.ts';

/** What every command that judges says of how. */
export interface JudgeSetup extends ModelOptions {
  readonly model?: string;
  readonly planModel?: string;
  readonly planApiKeyEnv?: string;
  /** Whose the key is; `judge` when absent. */
  readonly keysOf?: 'judge' | 'plan';
  readonly prompts?: 'playground' | 'published';
  readonly form?: NonNullable<JudgeOptions['form']>;
  readonly votes?: number;
  readonly plans?: number;
  readonly ties?: boolean;
  readonly reask?: boolean;
  readonly weighted?: boolean;
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly seed: number;
  readonly store?: string;
  readonly fresh?: boolean;
  readonly dryRun?: boolean;
}

export interface OpenJudge {
  readonly name: string;
  readonly model: Model;
  readonly options: JudgeOptions;
  readonly place: ModelPlace;
  readonly ledger: Store | null;
  /** What stands in for the models and the ledger, where nothing is to be asked. */
  readonly dry: DryRun | null;
  close(): Promise<void>;
}

/** Generations are keyed by all that made them, so that one ledger serves every command line. */
const CONFIG = { command: 'judge' };

/** Opens the judge, the model of its plans and the ledger; all are closed again where one of them fails. */
export async function openJudge(setup: JudgeSetup, signal: AbortSignal): Promise<OpenJudge> {
  const { model: name } = setup;
  if (name === undefined) throw noModel();
  checkModelOptions([name, setup.planModel ?? []].flat(), setup);
  const place = placeOf(name, setup.baseUrl);
  const opened: { close(): unknown }[] = [];
  const close = async () => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  const keep = <T extends { close(): unknown }>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    const dry = setup.dryRun ? new DryRun(setup.prices) : null;
    const open = async (name: string, options: ModelOptions) => {
      const real = keep(await openModel(name, options));
      return dry ? dry.model(real) : real;
    };
    const { planModel: planName } = setup;
    const planPlace = planName === undefined ? null : placeOf(planName, setup.baseUrl);
    const keyed = setup.keysOf === 'plan' ? planPlace : null;
    const [home, other] = keyed
      ? optionsWithKeys(setup, keyed, place)
      : optionsWithKeys(setup, place, planPlace);
    const [judgeOptions, planOptions] = keyed ? [other, home] : [home, other];
    const known = await knownOf(place, setup);
    const model = await open(name, judgeOptions);
    const planModel = planName === undefined ? undefined : await open(planName, planOptions);
    const ledger = setup.store === undefined || dry ? null : keep(openLedger(setup.store));
    // A dry run makes no ledger, and reads one that another command is at work on.
    const read =
      dry && setup.store !== undefined && existsSync(setup.store) ? keep(readStore(setup.store)) : null;
    const store = dry ? dry.store(read ?? undefined) : ledger;
    const { votes, plans = 1, ties, reask, weighted, temperature, seed, fresh } = setup;
    const options: JudgeOptions = {
      ...known,
      plans,
      ...(setup.maxTokens === undefined ? {} : { maxTokens: setup.maxTokens }),
      seed,
      signal,
      ...(votes === undefined ? {} : { votes }),
      ...(ties ? { ties } : {}),
      ...(reask ? { reask } : {}),
      ...(weighted ? { weighted } : {}),
      ...(fresh ? { fresh } : {}),
      ...(temperature === undefined ? {} : { temperature }),
      ...(planModel ? { planModel } : {}),
      ...(store ? { store } : {}),
    };
    return { name, place, model, options, ledger, dry, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function openLedger(path: string): Store {
  try {
    return openStore(path, { config: CONFIG });
  } catch (error) {
    const owner = error instanceof EvalPlannerError && error.code === 'run' ? otherOwner(path) : null;
    if (owner === null) throw error;
    throw new EvalPlannerError(
      'run',
      `${path} is the ledger of ${owner}, not of judgments`,
      'name another file with --store; it is made where there is none',
      error,
    );
  }
}

/** Whose a ledger is that is not of judgments; null for one of them, and for what is no ledger. */
function otherOwner(path: string): string | null {
  try {
    using store = readStore(path);
    const { command, preset, seed } = (store.config ?? {}) as Readonly<Record<string, unknown>>;
    if (command === CONFIG.command) return null;
    if (typeof command === 'string') return `\`evalplanner ${command}\``;
    return typeof preset === 'string' ? `a training run (preset ${preset}, seed ${seed})` : 'another run';
  } catch {
    return null;
  }
}

/** What the seed model reads with its answer is 256 tokens; a server of it does not say so. */
const PLAYGROUND_LIMITS = { maxTokens: 144, maxPlanTokens: 96 };

/** How a judge is asked: as the command says, else as its own file does, else in two calls in the published words, which are for any
 * model. */
async function knownOf(place: ModelPlace, setup: JudgeSetup): Promise<KnownOptions> {
  const { planModel, plans = 1 } = setup;
  const file = place.kind === 'folder' ? await readJudgeFile(await localPlace(place.folder)) : null;
  const own: KnownOptions = file === null ? {} : knownOptions(file);
  const prompts = setup.prompts === undefined ? (own.prompts ?? PUBLISHED_PROMPTS) : promptSet(setup.prompts);
  const form = setup.form ?? (plans > 1 || planModel !== undefined ? 'two-call' : (own.form ?? 'two-call'));
  if (file !== null && prompts === own.prompts)
    for (const what of changedSince(file)) process.stderr.write(`note: ${setup.model}: ${what}\n`);
  return {
    ...(prompts === PLAYGROUND_PROMPTS ? PLAYGROUND_LIMITS : {}),
    ...own,
    prompts,
    form,
  };
}

/** The prompts that a model is asked in: those of its own file where nothing is said. */
export async function promptsOf(name: JudgeSetup['prompts'], place: ModelPlace): Promise<PromptSet> {
  if (name !== undefined) return promptSet(name);
  const file = place.kind === 'folder' ? await readJudgeFile(await localPlace(place.folder)) : null;
  return promptSet(file?.prompts ?? 'published');
}

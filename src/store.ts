import type { Json } from './key.ts';
import type { FinishReason, Generation } from './model.ts';
import type { TrainStep } from './trainer.ts';
import type { Domain, Order, Plan, ResponsePair, Thought, VerdictKind } from './types.ts';

/** Port: the ledger of one run. Resuming a run is asking it what is missing.
 *
 * Two rules decide every write. A generation is paid for, so it is never overwritten unasked; only a failed one (`error`)
 * is tried again. Everything else is derived from generations and config, so its last write wins: writing it twice is
 * harmless. Each `put` is one transaction: when it returns, a SIGKILL loses nothing of it; when it throws, nothing of it
 * is there. Reads stream: their memory does not grow with the run. */
export interface Store extends Disposable {
  readonly path: string;
  /** The config of the run, as stored. */
  readonly config: Json;

  /** How a unit ended, well or badly. */
  generation(key: string): Generation | undefined;
  /** The same, for units that ended by themselves; undefined for missing, cut, refused and failed ones. */
  success(key: string): Generation | undefined;
  /** Those keys, lazily and in order, whose units have to be generated: never asked for, failed, or from before `since`
   * (milliseconds since 1970). */
  missing(keys: Iterable<string>, since?: number): Generator<string, void, undefined>;
  /** One from before `since` is replaced. */
  putGenerations(rows: Iterable<Generation>, since?: number): void;

  /** A pair belongs to one split. */
  putPairs(split: string, pairs: Iterable<ResponsePair>): void;
  /** In the order in which they were first put. */
  pairs(filter?: PairFilter): Generator<ResponsePair, void, undefined>;
  pair(id: string): ResponsePair | undefined;

  putPlans(plans: Iterable<Plan>): void;
  /** By pair id, then plan index. */
  plans(filter: RoundFilter): Generator<Plan, void, undefined>;

  /** A thought replaces the one of the same round, pair, plan index, order and execution index. */
  putThoughts(thoughts: Iterable<Thought>): void;
  /** By pair id, then plan index, order and execution index: all thoughts of a pair come together. */
  thoughts(filter: RoundFilter): Generator<Thought, void, undefined>;
  thought(round: number, pairId: string, id: string): Thought | undefined;

  /** Replaces all preference pairs of the round. */
  putPreferences(round: number, rows: Iterable<PreferenceRecord>): void;
  /** Adds to them: a round of millions is written in parts. */
  addPreferences(round: number, rows: Iterable<PreferenceRecord>): void;
  preferences(round: number): Generator<PreferenceRecord, void, undefined>;

  putSteps(stage: string, steps: Iterable<TrainStep>): void;
  steps(stage: string): Generator<TrainStep, void, undefined>;

  /** One for each stage, split, pair and order. */
  putEvaluations(rows: Iterable<Evaluation>): void;
  /** By pair id, then order. */
  evaluations(stage: string, split: string): Generator<Evaluation, void, undefined>;

  stage(name: string): StageRecord | undefined;
  stages(): StageRecord[];
  /** Adds to what a stage has cost; an interrupted stage keeps what it had. */
  spend(name: string, seconds: number, tokens: number): void;
  /** Marks it done, and makes all that was stored so far survive a power cut too. */
  finishStage(name: string, result?: Json): void;

  counts(): Counts;
  close(): void;
}

/** As much of a ledger as asking a model needs. */
export type Generations = Pick<Store, 'generation' | 'missing' | 'putGenerations'>;

export interface PairFilter {
  readonly split?: string;
  readonly domain?: Domain;
}

export interface RoundFilter {
  readonly round: number;
  readonly pairId?: string;
}

/** A preference pair by the ids of its thoughts; `pairing` names the rule that joined them. */
export interface PreferenceRecord {
  readonly pairId: string;
  readonly chosenId: string;
  readonly rejectedId: string;
  readonly pairing: string;
}

export interface Evaluation {
  /** The judge: `M0`, `M1-SFT`, or one of its checkpoints, `M1-SFT/step-100`. */
  readonly stage: string;
  readonly split: string;
  readonly pairId: string;
  readonly order: Order;
  readonly verdict: VerdictKind;
  readonly correct: boolean;
  readonly text: string;
}

export interface StageRecord {
  readonly name: string;
  readonly status: 'running' | 'done';
  readonly seconds: number;
  readonly tokens: number;
  /** What it left for later stages; null until it is done. */
  readonly result: Json;
}

export interface Counts {
  readonly pairs: Readonly<Record<string, number>>;
  readonly generations: Readonly<Record<FinishReason, number>>;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** By round. */
  readonly plans: Readonly<Record<number, number>>;
  readonly thoughts: Readonly<Record<number, { readonly total: number; readonly correct: number }>>;
  readonly preferences: Readonly<Record<number, number>>;
  readonly steps: Readonly<Record<string, number>>;
  readonly evaluations: Readonly<Record<string, number>>;
}

export interface StoreOptions {
  /** What the run is a function of, without secrets. A ledger opens only for the config that made it. */
  readonly config: Json;
  /** Dotted paths of config keys whose change adds work but spoils none (`thoughts.executions`): a change there is
   * accepted and stored, and every stage counts as unfinished, so that it looks for what is missing. */
  readonly mayChange?: readonly string[];
}

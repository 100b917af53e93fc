/// <reference lib="esnext.disposable" preserve="true" />
import type { Difference, Json } from './key.ts';
import type { FinishReason, Generation } from './model.ts';
import type { TrainStep } from './trainer.ts';
import type { Order, Plan, ResponsePair, Thought, VerdictKind } from './types.ts';

/** Port: the ledger of one run, as everybody may read it, also while a run is at work on it. Reads stream: their memory does not
 * grow with the run. */
export interface LedgerReader extends Disposable {
  readonly path: string;
  /** The config of the run, as stored. */
  readonly config: Json;
  /** Another number whenever another process has written: for polling. */
  version(): number;

  /** The planned stages in their order, and how far each has come. */
  stages(): StageRecord[];
  stage(name: string): StageRecord | undefined;
  /** What was noted beside the stages, by name. */
  note(name: string): Json | undefined;
  counts(): Counts;

  /** How a unit ended, well or badly. */
  generation(key: string): Generation | undefined;
  /** Those keys, lazily and in order, whose units have to be generated: never asked for, failed, or from before `since`
   * (milliseconds since 1970). */
  missing(keys: Iterable<string>, since?: number): Generator<string, void, undefined>;
  pair(id: string): ResponsePair | undefined;
  /** In the order in which they were first put. */
  pairs(filter?: PairFilter): Generator<ResponsePair, void, undefined>;
  /** By pair id, then plan index. */
  plans(filter: RoundFilter): Generator<Plan, void, undefined>;
  /** By pair id, then plan index, order and execution index: all thoughts of a pair come together. */
  thoughts(filter: ThoughtFilter): Generator<Thought, void, undefined>;
  thought(round: number, pairId: string, id: string): Thought | undefined;
  preferences(round: number): Generator<PreferenceRecord, void, undefined>;
  /** Of a training, by the name of the judge that it makes. */
  steps(judge: string): Generator<TrainStep, void, undefined>;
  /** By pair id, then order. */
  evaluations(filter: EvaluationFilter): Generator<Evaluation, void, undefined>;
  close(): void;
}

/** Port: the ledger of one run. Resuming a run is asking it what is missing.
 *
 * Two rules decide every write. A generation is paid for, so it is never overwritten unasked; only a failed one (`error`)
 * is tried again. Everything else is derived from generations and config, so its last write wins: writing it twice is
 * harmless. Each `put` is one transaction: when it returns, a SIGKILL loses nothing of it; when it throws, nothing of it
 * is there. */
export interface Store extends LedgerReader {
  /** One from before `since` is replaced. */
  putGenerations(rows: Iterable<Generation>, since?: number): void;
  /** A pair belongs to one split. */
  putPairs(split: string, pairs: Iterable<ResponsePair>): void;
  putPlans(plans: Iterable<Plan>): void;
  /** A thought replaces the one of the same round, pair, plan index, order and execution index. */
  putThoughts(thoughts: Iterable<Thought>): void;
  /** Replaces all preference pairs of the round. */
  putPreferences(round: number, rows: Iterable<PreferenceRecord>): void;
  /** Comes after those that the round has. */
  addPreferences(round: number, rows: Iterable<PreferenceRecord>): void;
  putSteps(judge: string, steps: Iterable<TrainStep>): void;
  /** One for each stage, split, pair and order. */
  putEvaluations(rows: Iterable<Evaluation>): void;

  /** The stages of the run in their order. What is known of one stays; one that was planned otherwise is not done any more. */
  planStages(stages: Iterable<PlannedStage>): void;
  /** Adds to what a stage has cost, and says how far it is; an interrupted stage keeps what it had. A stage that nobody planned is one
   * of its own. */
  spend(name: string, spent: Spent, reached?: Reached): void;
  /** Marks it done, and makes all that was stored so far survive a power cut too. */
  finishStage(name: string, result?: Json): void;
  /** Marks it failed, and says why; what came is kept. */
  failStage(name: string, message: string): void;
  putNote(name: string, value: Json): void;
  /** Takes away what was derived for a set, a round or a training; generations, which are paid for, stay. */
  discard(what: { readonly split: string } | { readonly round: number } | { readonly judge: string }): void;
}

/** What a piece of work took. */
export interface Spent {
  readonly seconds: number;
  /** That were written, or trained on. */
  readonly tokens: number;
  /** Of prompts. */
  readonly promptTokens?: number;
  /** In the currency of the models' prices. */
  readonly cost?: number;
}

/** How far a stage is, in units of its own: pairs, steps; `failed` are those of which nothing came. */
export interface Reached {
  readonly done: number;
  readonly total: number;
  readonly failed?: number;
}

/** As much of a ledger as asking a model needs. */
export type Generations = Pick<Store, 'generation' | 'missing' | 'putGenerations'>;

export interface PairFilter {
  readonly split?: string;
}

export interface RoundFilter {
  readonly round: number;
  readonly pairId?: string;
}

export interface ThoughtFilter extends RoundFilter {
  readonly verdict?: VerdictKind;
  readonly correct?: boolean;
  /** Those that come after this one in the order above, for pages. */
  readonly after?: Pick<Thought, 'pairId' | 'planIndex' | 'order' | 'executionIndex'>;
  readonly limit?: number;
}

export interface EvaluationFilter {
  readonly stage: string;
  readonly split?: string;
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
  /** Read from the text; null where it has none. */
  readonly plan: string | null;
  readonly execution: string | null;
}

/** What a stage is, before it begins. */
export interface PlannedStage {
  readonly name: string;
  readonly title: string;
  readonly kind: string;
}

export interface StageRecord extends PlannedStage {
  readonly status: 'planned' | 'running' | 'failed' | 'done';
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly seconds: number;
  /** That were written, or trained on. */
  readonly tokens: number;
  readonly promptTokens: number;
  readonly cost: number;
  /** Why it failed. */
  readonly message?: string;
  /** The stage as it was planned: what it works on, and with. */
  readonly plan: Json;
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
  /** Whether a change of the config adds work but spoils none: it is then accepted and stored. */
  readonly mayChange?: (change: Difference) => boolean;
}

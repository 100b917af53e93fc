import type { Benchmark, BenchmarkPair } from '../benchmarks/benchmark.ts';
import type { Resolved, Training } from '../config.ts';
import type { Generation, Model } from '../model.ts';
import type { AskForm, JudgedForm, JudgeForm } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import type { Source } from '../source.ts';
import type { LedgerReader, Spent, StageRecord, Store } from '../store.ts';
import type { Trainer, TrainStep } from '../trainer.ts';
import type { RunBudget } from './budget.ts';

/** One step of the method, as data: done once, then remembered in the ledger under its name. */
export type StageDraft = { readonly name: string; readonly title: string } & (
  | PairsStage
  | ThoughtsStage
  | TrainStage
  | JudgeStage
  | BenchStage
);

/** With a hash of all that it is a function of: with another one it has to be done again. */
export type Stage = StageDraft & { readonly inputs: string };

/** Response pairs of a set: so many instructions of each source. */
export interface PairsStage {
  readonly kind: 'pairs';
  readonly set: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** Thoughts of a judge about the pairs of a set, kept under a round's number. */
export interface ThoughtsStage {
  readonly kind: 'thoughts';
  readonly round: number;
  readonly by: string;
  readonly set: string;
  readonly form: Exclude<JudgeForm, 'direct'>;
  /** Absent: freely. */
  readonly writing?: 'guided';
}

/** A judge made from another one, by the thoughts of a round or, for the control without any, by the verdicts of all sets. */
export interface TrainStage {
  readonly kind: 'train';
  readonly judge: string;
  readonly from: string;
  /** Null: no thoughts. */
  readonly round: number | null;
  readonly sets: readonly string[];
  readonly form: JudgeForm;
  readonly how: Training | TrainDirect;
  /** Name of the file of rows. */
  readonly rows: string;
  readonly control: boolean;
}

/** Of the control: rows are all that there is to choose. */
export type TrainDirect = { readonly kind: 'direct' } & NonNullable<Resolved['controls']['direct']>;

/** A judge on the held-out pairs of a set. */
export interface JudgeStage {
  readonly kind: 'judge';
  readonly judge: string;
  readonly set: string;
  readonly form: JudgedForm;
  readonly control: boolean;
}

/** A judge on a benchmark, under its protocol. */
export interface BenchStage {
  readonly kind: 'bench';
  readonly judge: string;
  readonly benchmark: string;
  readonly form: AskForm;
  readonly control: boolean;
}

/** Models by what they are for: `writer`, `solver`, `planner`, a judge by its name, or one of its checkpoints (`M1-SFT/step-40`).
 * Whoever opens one closes it. */
export interface Models {
  /** Whether judges of later rounds go on from a plan: how new checkpoints are sampled decides. */
  readonly prefills: boolean;
  open(name: string): Promise<Model>;
  /** Asked before anything is paid for, where there is something left to do: throws EvalPlannerError where judges could not be sampled. */
  ready?(signal?: AbortSignal): Promise<void>;
  /** The checkpoint that a training starts from: a judge's, or M0's; null where it is none that can be trained. */
  place(name: string): string | null;
}

/** The outside world of a run. */
export interface Ports {
  readonly store: Store;
  readonly trainer: Trainer;
  readonly models: Models;
  readonly sources: Readonly<Record<string, Source>>;
  /** Those that the config names, with their data. */
  readonly benchmarks?: Readonly<Record<string, BenchmarkData>>;
  readonly prompts: PromptSet;
  /** Where checkpoints and training rows go. */
  readonly folder: string;
}

export interface BenchmarkData {
  readonly benchmark: Benchmark;
  readonly pairs: readonly BenchmarkPair[];
}

/** What happens in a run, for who looks on; the ledger says the same. */
export type RunEvent =
  | { readonly type: 'stage'; readonly stage: StageRecord }
  | { readonly type: 'step'; readonly judge: string; readonly step: TrainStep }
  | { readonly type: 'note'; readonly stage: string; readonly message: string };

export interface RunOptions {
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Name of the last stage to do. */
  readonly until?: string | undefined;
  /** Hears of the stages, and of how far the ledger says they are, once nothing speaks against the run and before its first stage. */
  readonly onStart?: ((stages: readonly Stage[], store: LedgerReader) => void | Promise<void>) | undefined;
}

/** Milliseconds between two entries of the account. */
const SPEND_MS = 2000;

/** A stage at work: how far it is, and what it has cost, in the ledger now and then so that a kill does not lose the account. */
export class StageWork {
  readonly signal: AbortSignal | undefined;
  readonly #stage: Stage;
  readonly #store: Store;
  readonly #onEvent: RunOptions['onEvent'];
  #since = performance.now();
  #tokens = 0;
  #promptTokens = 0;
  #cost = 0;
  #done = 0;
  #total = 0;
  #failed = 0;
  #told = 0;
  #came = 0;
  #had = 0;
  readonly #budget: RunBudget | null;

  constructor(stage: Stage, store: Store, { signal, onEvent }: RunOptions, budget: RunBudget | null = null) {
    this.#stage = stage;
    this.#store = store;
    this.signal = signal;
    this.#onEvent = onEvent;
    this.#budget = budget;
  }

  /** Units done of all, and tokens since the last call. */
  progress(done: number, total: number, tokens = 0): void {
    this.#done = done;
    this.#total = total;
    this.#tokens += tokens;
    const now = performance.now();
    this.#budget?.check(this.#counted(this.#pending(now)));
    if (now - this.#since > SPEND_MS) this.spend();
    // A terminal redraws ten times in a second.
    if (now - this.#told < 50 && done < total) return;
    this.#told = now;
    this.tell();
  }

  /** Generations that came, of units that are not done yet. */
  readonly onGenerations = (batch: readonly Generation[]): void => {
    this.#came += batch.length;
    let tokens = 0;
    for (const { promptTokens, completionTokens, cost = 0 } of batch) {
      tokens += completionTokens;
      this.#promptTokens += promptTokens;
      this.#cost += cost;
    }
    this.progress(Math.min(this.#total, this.#had + this.#came), this.#total, tokens);
  };

  /** Units done of all, each of so many requests: progress is told in requests, since units may end late and together. */
  units(done: number, total: number, requests: number): void {
    // What did not come just now had been in the ledger, or was never asked for.
    this.#had = Math.max(this.#had, done * requests - this.#came);
    const all = total * requests;
    this.progress(Math.min(all, this.#had + this.#came), all);
  }

  /** Units of which nothing will come. */
  leave(n: number): void {
    this.#failed += n;
  }

  /** `again`: of an earlier call, and paid for then. */
  step(judge: string, step: TrainStep, again: boolean): void {
    this.#onEvent?.({ type: 'step', judge, step });
    this.progress(step.step, step.steps, again ? 0 : step.tokens);
  }

  note(message: string): void {
    this.#onEvent?.({ type: 'note', stage: this.#stage.name, message });
  }

  spend(): void {
    const now = performance.now();
    const reached = { done: this.#done, total: this.#total, failed: this.#failed };
    this.#store.spend(this.#stage.name, this.#pending(now), reached);
    this.#budget?.add(this.#counted(this.#pending(now)));
    this.#since = now;
    this.#tokens = 0;
    this.#promptTokens = 0;
    this.#cost = 0;
  }

  /** What the account has not got yet. */
  #pending(now: number): Spent {
    const seconds = (now - this.#since) / 1000;
    return { seconds, tokens: this.#tokens, promptTokens: this.#promptTokens, cost: this.#cost };
  }

  /** What is trained on was not asked of a model. */
  #counted(spent: Spent): Spent {
    return this.#stage.kind === 'train' ? { ...spent, tokens: 0 } : spent;
  }

  tell(): void {
    if (!this.#onEvent) return;
    const record = this.#store.stage(this.#stage.name);
    if (record === undefined) return;
    const { seconds, tokens, promptTokens = 0, cost = 0 } = this.#pending(performance.now());
    this.#onEvent({
      type: 'stage',
      stage: {
        ...record,
        done: this.#done,
        total: this.#total,
        failed: this.#failed,
        seconds: record.seconds + seconds,
        tokens: record.tokens + tokens,
        promptTokens: record.promptTokens + promptTokens,
        cost: record.cost + cost,
        status: 'running',
      },
    });
  }
}

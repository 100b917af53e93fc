import type { RunAudit } from '../../audit/run.ts';
import type { Interval, Scores } from '../../metrics.ts';
import type { BenchResult } from '../../pipeline/bench.ts';
import type { PreferenceReport } from '../../preferences/counts.ts';
import type { Counts } from '../../store.ts';
import type { TrainStep } from '../../trainer.ts';
import type { Order, VerdictKind } from '../../types.ts';

/** report.json: what a run did and what came of it. All shares are fractions from 0 to 1. */
export interface Report {
  /** Of this format. */
  readonly schema: 3;
  readonly version: string;
  readonly node: string;
  readonly preset: string;
  readonly seed: number;
  /** M0: its name and revision. */
  readonly model: string;
  /** Its prompts, as `name version`; a run of an earlier version did not say. */
  readonly templates?: readonly string[];
  readonly seconds: number;
  readonly peakRssMB: number;
  /** The sources that the held-out pairs are of, as the config names them. */
  readonly sources: readonly string[];
  /** Judges in the order of the method, controls last. */
  readonly stages: readonly StageScores[];
  /** M0 and each control against the last judge, each right when it is right in both orders (exact McNemar test). */
  readonly comparisons?: readonly StageComparison[];
  readonly gain?: Gain;
  /** Whether the held-out pairs show that training made a better judge: the gain's interval is above 0. */
  readonly learned?: boolean;
  /** What speaks against the judge. */
  readonly findings?: readonly Finding[];
  readonly trainings?: readonly TrainingFacts[];
  readonly counts: Counts;
  readonly timings: readonly Timing[];
  readonly curves: readonly Curve[];
  readonly habits?: readonly PlanHabits[];
  /** What the data would teach besides judging. */
  readonly audit?: RunAudit;
  /** How many outputs end in a verdict that is A or B, of the thoughts of each round and of each judge. */
  readonly readable?: readonly Readable[];
  /** What became of the thoughts of each DPO stage. */
  readonly preferences?: Readonly<Record<string, PreferenceReport>>;
  /** Thoughts to read; a pair may come back at several stages. */
  readonly samples: readonly Sample[];
}

export interface StageScores {
  /** The judge's. */
  readonly name: string;
  /** What the plan is measured against: a verdict alone, or an execution without a plan. */
  readonly control: boolean;
  /** By source; each of the report's has some. */
  readonly sets: Readonly<Record<string, SetScores>>;
  /** By name, those that it played. */
  readonly benchmarks?: Readonly<Record<string, BenchResult>>;
}

/** Something about a run that a person should know before they trust its judge. */
export interface Finding {
  readonly kind: 'not better' | 'no rows' | 'one slot' | 'unreadable';
  /** What was seen, its likely cause, and what to try. */
  readonly seen: string;
  readonly cause: string;
  readonly remedy: string;
}

export interface SetScores extends Scores {
  /** Of the accuracy, 95 %. */
  readonly interval: Interval;
}

/** Accuracy of the last judge less that of M0, over all sources. */
export interface Gain {
  readonly first: string;
  readonly last: string;
  readonly pairs: number;
  readonly accuracy: number;
  readonly interval: Interval;
}

/** How a stage wrote, and what of it can be read. */
export interface Readable {
  /** Its name: `thoughts 1`, `judge M1-SFT`. */
  readonly stage: string;
  /** Whether the prompts' guide led it. */
  readonly writing: 'free' | 'guided';
  readonly outputs: number;
  readonly readable: number;
  /** Of thoughts: plans and executions that never came, or said nothing. They are no outputs. */
  readonly left?: { readonly plans: number; readonly executions: number };
}

/** What a training was done on. */
export interface TrainingFacts {
  readonly judge: string;
  readonly rows: number;
  /** Too long for it. */
  readonly dropped: number;
  /** The checkpoint that validation picked. */
  readonly kept: string;
}

export interface StageComparison {
  readonly source: string;
  readonly first: string;
  readonly second: string;
  /** Pairs that only the one or only the other judged right. */
  readonly firstOnly: number;
  readonly secondOnly: number;
  readonly p: number;
}

export interface Timing {
  readonly stage: string;
  readonly seconds: number;
  readonly tokens: number;
  readonly tokensPerSecond: number;
}

export interface Curve {
  readonly stage: string;
  readonly kind: 'sft' | 'dpo';
  readonly steps: readonly TrainStep[];
}

/** Which kinds of plan a stage writes, and how often it is right with each. */
export interface PlanHabits {
  readonly stage: string;
  readonly plans: number;
  readonly kinds: readonly {
    readonly kind: string;
    readonly share: number;
    /** Null when it wrote none. */
    readonly accuracy: number | null;
  }[];
}

export interface Sample {
  readonly stage: string;
  readonly source: string;
  readonly pairId: string;
  readonly order: Order;
  readonly instruction: string;
  /** The responses as shown: in order `ab` response A is the chosen one. */
  readonly a: string;
  readonly b: string;
  /** Empty for a control without a plan, or where the output had none. */
  readonly plan: string;
  readonly execution: string;
  readonly verdict: VerdictKind;
  readonly correct: boolean;
}

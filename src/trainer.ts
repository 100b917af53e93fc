import type { EvalPlannerError } from './errors.ts';
import { key } from './key.ts';
import { sha256 } from './rows/sha256.ts';

/** Port: anything that turns a checkpoint and rows into a better checkpoint. What every trainer owes its caller is told here and
 * checked by trainer/trainer.contract.ts. */

export interface Optimisation {
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  readonly maxGradNorm: number;
  readonly epochs: number;
  /** Rows per optimiser step (SFT rows or preference pairs). */
  readonly batchSize: number;
  readonly maxLength: number;
  readonly seed: number;
  /** Checkpoints written along the way, the last step included; validation picks among them. */
  readonly checkpoints: number;
  /** Train a low-rank adapter in place of the weights. */
  readonly lora?: LoraOptions;
}

/** LoRA (arXiv 2106.09685), without dropout. Checkpoints are then PEFT adapters on the model that the job starts from; a
 * job that starts from such an adapter trains it on. DPO's reference is its start. */
export interface LoraOptions {
  readonly rank: number;
  /** The adapter's product is scaled by alpha / rank. */
  readonly alpha: number;
  /** Linear layers, by the names that PEFT takes: `q_proj`, `down_proj`. */
  readonly targets: readonly string[] | 'all-linear';
  /** Write whole checkpoints, the adapter merged into its base. */
  readonly merge?: boolean;
}

interface Job {
  /** What the training is a function of (see trainKey). The same key in `out` goes on where it stopped, or answers at once where
   * it had finished; another one starts over. */
  readonly key: string;
  /** The start. */
  readonly model: string;
  /** A JSON-lines file (`.jsonl`) in TRL's format, texts; other fields, as `pair`, are ignored. It is streamed and never
   * changed. */
  readonly rows: string;
  /** The folder of the training: its checkpoints, and what it goes on from. One training at a time. */
  readonly out: string;
  readonly optimisation: Optimisation;
}

/** Rows are `{prompt, completion}`. */
export interface SftJob extends Job {
  readonly kind: 'sft';
  /** Weight of the tokens of a completion's verdict in the loss, Σ w (−log p) / Σ w, that of others being 1; 1 when absent. The verdict
   * is one letter among many tokens: all alike, a small model learns the form and not what it says. */
  readonly verdictWeight?: number;
}

/** Rows are `{prompt, chosen, rejected}`; the start is the reference too. */
export interface DpoJob extends Job {
  readonly kind: 'dpo';
  readonly beta: number;
  /** Weight of the negative log-likelihood of the chosen thought, a mean over its tokens. */
  readonly nllWeight: number;
}

export type TrainJob = SftJob | DpoJob;

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A training but for where it starts and where it goes. */
export type TrainSettings = Without<TrainJob, 'key' | 'model' | 'out'>;

export interface TrainStep {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  readonly tokens: number;
  readonly seconds: number;
  /** DPO only: share of pairs with a positive margin, mean margin, mean log-probability of chosen and rejected. */
  readonly accuracy?: number;
  readonly margin?: number;
  readonly chosenLogp?: number;
  readonly rejectedLogp?: number;
}

export interface TrainResult {
  /** Checkpoint folders in the order written; each is complete. */
  readonly checkpoints: readonly string[];
  /** All steps of the training, also those of earlier calls. */
  readonly steps: readonly TrainStep[];
  /** Rows that were left out, since they are longer than `maxLength` or than the model takes. */
  readonly dropped: number;
}

export interface Trainer {
  /** The kinds of job that it can do. */
  readonly kinds: readonly TrainJob['kind'][];
  /** `onStep` hears of every step once, in order and from the first one on: those of an earlier call come again, with the numbers
   * that they had. A step is told before anything that it led to is kept, so who stores it is never behind.
   * Aborted, it stops within 10 s all that it started, keeps its state and rejects with the signal's reason; killed, the next call
   * repeats at most the steps since the last state. Either way it ends with the losses and weights of one that was left alone.
   * `onNote` hears what a person should know beforehand, a line each.
   * Throws EvalPlannerError: `data` for rows that are none, naming the line; `run` where the job is being done already; `disk`
   * where there is too little room, before the first step if that can be known. */
  train(
    job: TrainJob,
    onStep?: (step: TrainStep) => void,
    signal?: AbortSignal,
    onNote?: (message: string) => void,
  ): Promise<TrainResult>;
  /** Why it could do no training of these settings, by the field's name; null where it could. Asked before anything is paid for. */
  refuses?(settings: TrainSettings): Promise<EvalPlannerError | null>;
  /** Asked before anything is paid for, where there is something to train: throws EvalPlannerError where it could do no job here, and
   * answers what a person should know beforehand, a line each. */
  ready?(): Promise<readonly string[]>;
  /** Gives up what it holds: threads, connections. */
  close(): Promise<void>;
}

/** Raised when a training of the same settings comes to give other weights: no former one is then gone on with. */
const VERSION = 1;

/** The key of a training: its start's revision, its rows byte by byte, and its settings. */
export async function trainKey(start: string, { rows, ...settings }: TrainSettings): Promise<string> {
  const { kind, optimisation } = settings;
  const { lora, ...rest } = optimisation;
  const method = kind === 'dpo' ? { beta: settings.beta, nllWeight: settings.nllWeight } : weighted(settings);
  const parts = { training: VERSION, kind, start, rows: await sha256(rows), ...method };
  return key({ ...parts, optimisation: { ...rest, ...(lora ? { lora: { ...lora } } : {}) } });
}

/** The weight 1 is what there was before there were others: its trainings go on. */
const weighted = ({ verdictWeight = 1 }: Pick<SftJob, 'verdictWeight'>) =>
  verdictWeight === 1 ? {} : { verdictWeight };

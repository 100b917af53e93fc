import { EvalPlannerError } from '../../errors.ts';
import type { Trainer, TrainJob, TrainResult } from '../../trainer.ts';

export interface TrlOptions {
  /** The interpreter with TRL's packages. */
  readonly python?: string | undefined;
  /** Of what is computed; weights are float32. */
  readonly precision?: 'float32' | 'bfloat16' | undefined;
  readonly gradientCheckpointing?: boolean | undefined;
  /** Rows that a process computes at a time. */
  readonly microBatch?: number | undefined;
  readonly processes?: number | undefined;
  /** fsdp, zero2, zero3, or the file of a config of accelerate. */
  readonly accelerate?: string | undefined;
}

/** Trains by TRL, in a Python process of its own. */
export class TrlTrainer implements Trainer {
  readonly kinds = ['sft', 'dpo'] as const;

  constructor(_: TrlOptions) {}

  async ready(): Promise<readonly string[]> {
    throw notHere();
  }

  async train({ out }: TrainJob): Promise<TrainResult> {
    throw notHere(out);
  }

  async close(): Promise<void> {}
}

const notHere = (out = 'anything') =>
  new EvalPlannerError('usage', `${out} cannot be trained by trl yet`, 'use the trainer embedded');

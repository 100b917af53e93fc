import type { Together } from 'together-ai';
import { EvalPlannerError } from '../../errors.ts';
import type { TrainJob, TrainSettings } from '../../trainer.ts';

type CreateParams = Together.FineTuningCreateParams;
type Limits = Together.FinetuneModelLimits;

/** What a config says of betas where it asks for none. */
const DEFAULT_BETAS = [0.9, 0.95];

const refused = (field: string, what: string, remedy: string) =>
  new EvalPlannerError('usage', `the trainer together cannot do ${field}: ${what}`, remedy);

/** Why the service could do no training of these settings, by the field's name. */
export function refusal(settings: TrainSettings): EvalPlannerError | null {
  const { betas, checkpoints, lora } = settings.optimisation;
  if (settings.kind === 'sft' && (settings.verdictWeight ?? 1) !== 1)
    return refused(
      `verdictWeight ${settings.verdictWeight}`,
      'the service weighs tokens 0 or 1',
      'leave verdictWeight out, or train by another trainer',
    );
  if (betas.some((beta, i) => beta !== DEFAULT_BETAS[i]))
    return refused(
      `optimiser.betas ${betas.join(', ')}`,
      'the service takes none',
      'leave optimiser.betas out: then the service uses its own, which it does not tell',
    );
  if (!lora) return null;
  if (!lora.merge)
    return refused(
      'lora without merge',
      'what an adapter stands on, where its training began at another one, is not documented',
      'give lora.merge: true, and whole checkpoints are fetched; or leave lora out',
    );
  if (checkpoints > 1)
    return refused(
      `optimiser.checkpoints ${checkpoints} with lora`,
      'merged weights are documented of the end of a training only',
      'give optimiser.checkpoints: 1, or leave lora out',
    );
  return null;
}

/** Why a model's limits forbid a training; `longest` is its longest row in tokens. */
export function beyondLimits(
  { kind, optimisation }: Pick<TrainJob, 'kind' | 'optimisation'>,
  limits: Limits,
  longest: number,
): EvalPlannerError | null {
  const { learningRate, epochs, batchSize, checkpoints, lora } = optimisation;
  const model = limits.model_name;
  const within = (field: string, value: number, least: number, most: number) =>
    value >= least && value <= most
      ? null
      : refused(`${field} ${value}`, `${model} takes ${least} to ${most}`, `choose ${field} among these`);
  const full = limits.full_training;
  if (!lora && (!limits.supports_full_training || !full))
    return refused(
      'a training of all weights',
      `${model} is trained by LoRA only`,
      'give lora: {rank: …, merge: true} in the config, or choose another model',
    );
  if (lora && !limits.merge_output_lora)
    return refused(
      'lora.merge',
      `the service gives no merged weights of ${model}`,
      'leave lora out, or choose another model',
    );
  const type = lora ? limits.lora_training : (full as NonNullable<typeof full>);
  const mostRows = kind === 'dpo' ? type.max_batch_size_dpo : type.max_batch_size;
  const unknown =
    lora && lora.targets !== 'all-linear'
      ? lora.targets.find((target) => !limits.lora_training.target_modules.includes(target))
      : undefined;
  return (
    within('learningRate', learningRate, limits.min_learning_rate, limits.max_learning_rate) ??
    within('epochs', epochs, 1, limits.max_num_epochs) ??
    within('batchSize', batchSize, type.min_batch_size, mostRows) ??
    within('optimiser.checkpoints', checkpoints, 1, limits.max_num_checkpoints) ??
    (lora ? within('lora.rank', lora.rank, 1, limits.lora_training.max_rank) : null) ??
    (longest > mostTokens(kind, limits)
      ? refused(
          `a row of ${longest} tokens`,
          `${model} takes ${mostTokens(kind, limits)}, and would cut it without a word`,
          `give optimiser.maxLength: ${mostTokens(kind, limits)}; longer rows are then left out`,
        )
      : null) ??
    (unknown === undefined
      ? null
      : refused(
          `lora.targets ${unknown}`,
          `${model} has ${limits.lora_training.target_modules.join(', ')}`,
          'choose among these, or all-linear',
        ))
  );
}

const mostTokens = (kind: TrainJob['kind'], limits: Limits) =>
  kind === 'dpo' ? limits.max_seq_length_dpo : limits.max_seq_length_sft;

/** Optimiser steps of a training in which rows are not packed. */
export const stepsOf = ({ epochs, batchSize }: TrainJob['optimisation'], rows: number): number =>
  epochs * Math.ceil(rows / batchSize);

/** Tokens that the service is asked to take of a row. Of a preference its pages say, of LoRA and long texts, that each side has half of
 * them: twice as many are asked for, where there are. */
const tokensAsked = (
  { kind, optimisation: { maxLength } }: Pick<TrainJob, 'kind' | 'optimisation'>,
  limits: Limits,
): number =>
  Math.max(
    limits.min_max_seq_length,
    Math.min(kind === 'dpo' ? 2 * maxLength : maxLength, mostTokens(kind, limits)),
  );

/** Whether the service may cut rows without a word. */
export const mayCut = (
  job: Pick<TrainJob, 'kind' | 'optimisation'>,
  limits: Limits,
  longest: number,
): boolean => job.kind === 'dpo' && 2 * longest > tokensAsked(job, limits);

/** A job as the service is asked for it, but for its file and where it starts. */
export function createParams(
  job: TrainJob,
  rows: number,
  limits: Limits,
): Omit<CreateParams, 'model' | 'training_file'> {
  const { optimisation } = job;
  const { lora, warmupSteps } = optimisation;
  return {
    learning_rate: optimisation.learningRate,
    // Half a cosine down to nothing behind the warm-up, as every trainer here.
    lr_scheduler: { lr_scheduler_type: 'cosine', lr_scheduler_args: { min_lr_ratio: 0, num_cycles: 0.5 } },
    warmup_ratio: Math.min(1, warmupSteps / stepsOf(optimisation, rows)),
    weight_decay: optimisation.weightDecay,
    max_grad_norm: optimisation.maxGradNorm,
    n_epochs: optimisation.epochs,
    batch_size: optimisation.batchSize,
    gradient_accumulation_steps: 1,
    packing: false,
    max_seq_length: tokensAsked(job, limits),
    random_seed: optimisation.seed,
    n_checkpoints: optimisation.checkpoints,
    n_evals: 0,
    training_method:
      job.kind === 'sft'
        ? { method: 'sft', train_on_inputs: 'auto' }
        : { method: 'dpo', dpo_beta: job.beta, rpo_alpha: job.nllWeight },
    training_type: lora
      ? {
          type: 'Lora',
          lora_r: lora.rank,
          lora_alpha: lora.alpha,
          lora_dropout: 0,
          lora_trainable_modules: lora.targets === 'all-linear' ? 'all-linear' : lora.targets.join(','),
        }
      : { type: 'Full' },
  };
}

import type { Together } from 'together-ai';
import { EvalPlannerError } from '../../errors.ts';
import type { Service } from './client.ts';

/** Asks what a training would cost, tells it, and refuses what is too dear or not allowed: throws EvalPlannerError `usage`. */
export async function checkPrice(
  { api, failure }: Service,
  asked: Together.FineTuningEstimatePriceParams,
  maxCost: number | undefined,
  signal?: AbortSignal,
  onNote?: (message: string) => void,
): Promise<void> {
  const estimate = await api.fineTuning
    .estimatePrice(asked, signal ? { signal } : {})
    .catch((error: unknown) => {
      throw failure(error, 'an estimate of the price');
    });
  if (!estimate.estimation_available) {
    const why = `together.ai estimates no price of this training (${estimate.unavailable_reason})`;
    if (maxCost === undefined) return onNote?.(why);
    throw new EvalPlannerError(
      'usage',
      `${why}, and trainer.maxCost is ${maxCost}`,
      'run the same command again in some minutes, or leave trainer.maxCost out',
    );
  }
  const { estimated_total_price: price, estimated_train_token_count: tokens, user_limit: limit } = estimate;
  const size = tokens === undefined ? '' : ` of ${tokens.toLocaleString('en')} tokens`;
  const said = `together.ai estimates $${price ?? '?'} for this training${size}`;
  onNote?.(said);
  if (estimate.allowed_to_proceed === false)
    throw new EvalPlannerError(
      'usage',
      `${said}, and does not let this account have it${limit === undefined ? '' : `: its limit is $${limit}`}`,
      'add credit at the service, and run the same command again: nothing was trained or paid',
    );
  if (maxCost !== undefined && (price === undefined || price > maxCost))
    throw new EvalPlannerError(
      'usage',
      `${said}, and trainer.maxCost is ${maxCost}`,
      'raise trainer.maxCost, or train on fewer rows; nothing was trained or paid',
    );
}

import { EvalPlannerError } from '../errors.ts';
import type { Model } from '../model.ts';

/** Before the first request: throws EvalPlannerError `usage` where answers have to go on from a beginning and the model cannot.
 * `what` names what needs it, as "a judge of given plans". */
export function requirePrefill({ prefills }: Pick<Model, 'prefills'>, what: string): void {
  if (prefills) return;
  throw new EvalPlannerError(
    'usage',
    `${what} needs a model that goes on from the beginning of an answer, and this one cannot`,
    "say how its server takes a last message of the assistant (prefill: 'continue_final_message' for vLLM and SGLang), or name a checkpoint that runs here",
  );
}

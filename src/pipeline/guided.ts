import type { Resolved } from '../config.ts';
import { EvalPlannerError } from '../errors.ts';
import type { GenerateRequest } from '../model.ts';
import type { Guide } from '../prompts/guide.ts';
import type { PromptSet } from '../prompts/set.ts';
import { conduct } from '../sampling/conduct.ts';
import { requirePrefill } from '../sampling/prefill.ts';
import { requestOf } from '../sampling/request.ts';
import { type Answer, asks } from '../sampling/task.ts';
import type { Guidance } from '../thoughts/guided.ts';
import { LETTER } from '../thoughts/letter.ts';
import type { Ports, Stage } from './stage.ts';
import { withModels } from './with-models.ts';

/** How the thoughts of a judge are led; only M0's are: a judge that was trained on thoughts writes the format by itself. */
export function guidanceOf(by: string, { thoughts }: Resolved): { readonly guided?: Guidance } {
  const { writing, letterPull = 'keep' } = thoughts;
  return writing === 'guided' && by === 'M0' ? { guided: { letterPull } } : {};
}

/** Before the first request of a run whose M0 is to be led: that its prompts have a guide, and that M0 goes on from a beginning and tells
 * log-probabilities, of which one letter is asked. Throws EvalPlannerError `usage`. */
export async function requireGuidance(
  stages: readonly Stage[],
  { store, models, prompts }: Pick<Ports, 'store' | 'models' | 'prompts'>,
  signal?: AbortSignal,
): Promise<void> {
  const left = stages.some(
    (stage) =>
      ((stage.kind === 'thoughts' && stage.writing === 'guided') ||
        (stage.kind === 'judge' && stage.form === 'guided')) &&
      store.stage(stage.name)?.status !== 'done',
  );
  if (!left) return;
  const guide = requireGuide(prompts);
  await withModels(models, ['M0'], async (model) => {
    requirePrefill(model, 'guided writing');
    if (model.logprobs === false) throw noLogprobs();
    const request = probe(guide, model.revision);
    function* task() {
      const answers: ReadonlyMap<string, Answer> = yield asks([request]);
      return answers.get(request.key)?.generation.logprobs;
    }
    for await (const logprobs of conduct([0], task, { judge: model, store, complete: true, signal }))
      if (logprobs === undefined || logprobs.length === 0) throw noLogprobs();
  });
}

/** Throws EvalPlannerError `usage` for prompts without one. */
export function requireGuide({ guide }: PromptSet): Guide {
  if (guide) return guide;
  throw new EvalPlannerError(
    'usage',
    'guided writing needs prompts with a guide, and these have none',
    'take the published prompts, or give your PromptSet a guide; thoughts.writing: free does without',
  );
}

/** A letter as it will be asked for, of next to nothing. */
function probe({ unplanned, verdictOpens: prefill }: Guide, model: string): GenerateRequest {
  const text = 'Say [[A]] or [[B]].';
  return requestOf({ template: unplanned.shows, text, prefill, model, seed: 0, ...LETTER });
}

const noLogprobs = () =>
  new EvalPlannerError(
    'usage',
    'guided writing needs the log-probabilities of a verdict’s letter, and this model does not tell them',
    'serve it by vLLM, SGLang or llama-server, or name a checkpoint that runs here; thoughts.writing: free does without',
  );

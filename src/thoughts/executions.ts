import { key } from '../key.ts';
import type { GenerateRequest, Model, Sampling } from '../model.ts';
import { goldVerdict, type JudgeForm, judgePrompt, judgeTemplate, shown } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { generate, type Work } from '../sampling/record.ts';
import { ORDERS, type Plan, type ResponsePair, type Thought } from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';

export interface ExecutionOptions {
  readonly round: number;
  readonly form: Exclude<JudgeForm, 'direct'>;
  /** For each plan and each order. */
  readonly executions: number;
  readonly sampling: Sampling;
}

/** The plan of a thought that has none. */
const NO_PLAN = (pair: ResponsePair, round: number): Plan => ({
  id: '',
  pairId: pair.id,
  round,
  planIndex: 0,
  text: '',
});

/** Sample the executions of every plan in both orders, and store the thoughts: verdicts parsed, right ones told from wrong
 * ones (arXiv 2501.18099). In the first round the execution prompt is used; from the second on, the judge prompt
 * continued with the plan. Without plans, executions are sampled for the pair itself. */
export async function sampleThoughts(
  work: Work,
  model: Model,
  prompts: PromptSet,
  pairs: readonly ResponsePair[],
  { round, form, executions, sampling }: ExecutionOptions,
): Promise<void> {
  const { store } = work;
  const units = pairs.flatMap((pair) => {
    const plans = form === 'planned' ? [...store.plans({ round, pairId: pair.id })] : [NO_PLAN(pair, round)];
    return plans.flatMap((plan) =>
      ORDERS.flatMap((order) => {
        const fields = shown(pair, order);
        const first = form === 'planned' && round === 1;
        const template = first ? prompts.execute : judgeTemplate(prompts, form);
        const prompt = first
          ? render(prompts.execute, { ...fields, plan: plan.text })
          : `${judgePrompt(prompts, form, pair, order)}${continuation(prompts, form, plan.text)}`;
        return Array.from({ length: executions }, (_, executionIndex) => {
          const seed = seedOf(
            work.seed,
            'execution',
            form,
            round,
            pair.id,
            plan.planIndex,
            order,
            executionIndex,
          );
          const parts = {
            prompt: template.name,
            version: template.version,
            model: model.revision,
            ...sampling,
          };
          const unit = { pair: pair.id, round, plan: plan.id, order, executionIndex };
          const request: GenerateRequest = {
            key: key({ ...parts, seed, ...unit }),
            prompt,
            seed,
            ...sampling,
          };
          return { pair, plan, order, executionIndex, request };
        });
      }),
    );
  });
  await generate(
    work,
    model,
    units.map(({ request }) => request),
  );

  const thoughts: Thought[] = [];
  for (const { pair, plan, order, executionIndex, request } of units) {
    const generation = store.generation(request.key);
    if (!generation) continue;
    const { kind: verdict } = parseVerdict(generation.text, { finishReason: generation.finishReason });
    const execution = prompts.parseExecution(generation.text);
    thoughts.push({
      id: request.key,
      pairId: pair.id,
      round,
      order,
      planIndex: plan.planIndex,
      executionIndex,
      plan: plan.text,
      execution: execution ?? generation.text,
      // A verdict without an execution between its tags is outside the format and never trained on.
      verdict: execution === null && verdict !== 'truncated' ? 'invalid' : verdict,
      correct: execution !== null && verdict === goldVerdict(order),
    });
  }
  store.putThoughts(thoughts);
}

function continuation(prompts: PromptSet, form: ExecutionOptions['form'], plan: string): string {
  return form === 'planned' ? `${prompts.openPlan} ${plan}${prompts.closePlan}` : '';
}

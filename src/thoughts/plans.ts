import { key } from '../key.ts';
import type { GenerateRequest, Model, Sampling } from '../model.ts';
import { judgePrompt } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { generate, type Work } from '../sampling/record.ts';
import { ORDERS, type Order, type Plan, type ResponsePair } from '../types.ts';

/** Sample |P| plans for each pair (arXiv 2501.18099). In the first round the plan prompt shows x and nothing else.
 * From the second on the model being trained writes whole thoughts from the judge prompt, of which the plan is kept:
 * sampling ends with the plan. Orders take turns. */
export async function samplePlans(
  work: Work,
  model: Model,
  prompts: PromptSet,
  pairs: readonly ResponsePair[],
  { round, plans, sampling }: { readonly round: number; readonly plans: number; readonly sampling: Sampling },
): Promise<void> {
  const units = pairs.flatMap((pair) =>
    Array.from({ length: plans }, (_, planIndex) => {
      const order = ORDERS[planIndex % 2] as Order;
      const template = round === 1 ? prompts.plan : prompts.judge;
      const prompt =
        round === 1
          ? render(prompts.plan, { instruction: pair.instruction })
          : `${judgePrompt(prompts, 'planned', pair, order)}${prompts.openPlan}`;
      const seed = seedOf(work.seed, 'plan', round, pair.id, planIndex);
      const parts = { prompt: template.name, version: template.version, model: model.revision, ...sampling };
      const request: GenerateRequest = {
        key: key({ ...parts, seed, pair: pair.id, round, planIndex }),
        prompt,
        seed,
        ...sampling,
        stop: [prompts.closePlan.trim()],
      };
      return { pair, planIndex, request };
    }),
  );
  await generate(
    work,
    model,
    units.map(({ request }) => request),
  );
  const written: Plan[] = [];
  for (const { pair, planIndex, request } of units) {
    // A plan that was cut is no plan. Generation ends before the closing tag, which the parser wants to see.
    const generation = work.store.success(request.key);
    const text = generation ? prompts.parsePlan(`${generation.text}${prompts.closePlan}`) : null;
    if (text !== null) written.push({ id: request.key, pairId: pair.id, round, planIndex, text });
  }
  work.store.putPlans(written);
}

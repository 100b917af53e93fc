import type { GenerateRequest, Generation } from '../model.ts';
import { type Category, parseCategory, publishedClassify } from '../prompts/published/classify.ts';
import { render } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { requestOf } from '../sampling/request.ts';
import { asks, type Task } from '../sampling/task.ts';
import type { PairMaking } from './pair.ts';

/** Longest output that is waited for: a word, and what a model writes around it. */
const MAX_TOKENS = 16;

/** The category that a model puts an instruction into, asked greedily; null where it names none. */
export function* categoryTask(
  making: Pick<PairMaking, 'seed' | 'revision'>,
  text: string,
): Task<Category | null> {
  const request = classifyRequest(making, text);
  const answers = yield asks([request]);
  return categoryOf(answers.get(request.key)?.generation);
}

function classifyRequest(
  { seed, revision }: Pick<PairMaking, 'seed' | 'revision'>,
  instruction: string,
): GenerateRequest {
  const template = publishedClassify;
  const sampling = { temperature: 0, topP: 1, maxTokens: MAX_TOKENS };
  return requestOf({
    template,
    text: render(template, { instruction }),
    model: revision,
    seed: seedOf(seed, template.name, instruction),
    sampling,
  });
}

function categoryOf(generation: Generation | undefined): Category | null {
  // A word may come before the cut.
  const readable = generation?.finishReason === 'stop' || generation?.finishReason === 'length';
  return readable ? parseCategory(generation.text) : null;
}

import { generate, type Work } from '../generate.ts';
import type { Model } from '../model.ts';
import { type Category, parseCategory, publishedClassify } from '../prompts/published/classify.ts';
import { render } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { key } from '../store.ts';
import type { Instruction } from './pair.ts';

/** Longest output that is waited for: a word, and what a model writes around it. */
const MAX_TOKENS = 16;

/** The category of each instruction as a model names it, greedily; null where it names none. */
export async function classify(
  work: Work,
  model: Model,
  instructions: readonly Instruction[],
): Promise<(Category | null)[]> {
  const template = publishedClassify;
  const requests = instructions.map(({ text }) => {
    const sampling = { temperature: 0, topP: 1, maxTokens: MAX_TOKENS };
    const parts = { prompt: template.name, version: template.version, model: model.revision, ...sampling };
    return {
      key: key({ ...parts, instruction: text }),
      prompt: render(template, { instruction: text }),
      seed: seedOf(work.seed, template.name, text),
      ...sampling,
    };
  });
  await generate(work, model, requests);
  return requests.map((request) => {
    // A word may come before the cut.
    const generation = work.store.generation(request.key);
    const readable = generation?.finishReason === 'stop' || generation?.finishReason === 'length';
    return readable ? parseCategory(generation.text) : null;
  });
}

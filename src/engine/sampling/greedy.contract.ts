import type { Parameters } from '../llama/parameters.ts';
import type { Sample } from './sample.ts';
import { Sampler } from './sampler.ts';

/** The likeliest continuation of each prompt, `count` tokens whatever they are, all at once. */
export async function greedy(
  parameters: Parameters,
  prompts: readonly (readonly number[])[],
  count: number,
): Promise<(readonly number[])[]> {
  const sampler = new Sampler(parameters, { slots: 4 });
  const queue = prompts.map((prompt, index) => {
    return { index, prompt, maxTokens: count, temperature: 0, topP: 1, seed: 0, stopIds: [] };
  });
  const samples: Sample[] = [];
  const capacity = Math.max(...prompts.map(({ length }) => length)) + count;
  await sampler.run(
    () => queue.shift(),
    capacity,
    (sample) => samples.push(sample),
  );
  await sampler.close();
  return samples.toSorted((a, b) => a.index - b.index).map(({ tokens }) => tokens);
}

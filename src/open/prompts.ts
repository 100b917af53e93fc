import type { Resolved } from '../config.ts';
import { PLAYGROUND_PROMPTS, type PromptSet, PUBLISHED_PROMPTS } from '../prompts/set.ts';

/** The prompts that a config, or the file of a judge, names. */
export function promptSet(prompts: Resolved['prompts']): PromptSet {
  return prompts === 'playground' ? PLAYGROUND_PROMPTS : PUBLISHED_PROMPTS;
}

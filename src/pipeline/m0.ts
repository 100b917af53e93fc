import type { Resolved } from '../config.ts';

/** How M0 is asked before it is trained. The playground's seed model knows whole thoughts; any other model is asked for a plan, then
 * for its execution, unless the config says that it knows them. */
export function formOfM0({ models, prompts }: Resolved): 'planned' | 'two-call' {
  return models.form ?? (prompts === 'playground' ? 'planned' : 'two-call');
}

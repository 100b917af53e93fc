import type { Resolved } from '../config.ts';
import type { JudgedForm } from '../prompts/judge-prompt.ts';
import type { LedgerReader } from '../store.ts';
import type { TrainStage } from './stage.ts';

/** How M0 is asked before it is trained. The playground's seed model knows whole thoughts; any other model is asked for a plan, then
 * for its execution, unless the config says that it knows them. */
export function formOfM0({ models, prompts }: Resolved): 'planned' | 'two-call' {
  return models.form ?? (prompts === 'playground' ? 'planned' : 'two-call');
}

/** How a judge is asked: as it was trained, or as its start is where no training was better than that. */
export function askedAs<Form extends JudgedForm>(
  { judge, form }: { readonly judge: string; readonly form: Form },
  config: Resolved,
  store: Pick<LedgerReader, 'stage'>,
): Form | ReturnType<typeof formOfM0> {
  let name = judge;
  for (;;) {
    if (name === 'M0') return form === 'planned' ? formOfM0(config) : form;
    const { result, plan } = store.stage(`train ${name}`) ?? {};
    const { kept } = (result ?? {}) as { readonly kept?: string };
    if (kept !== `${name}/start`) return form;
    name = (plan as unknown as TrainStage).from;
  }
}

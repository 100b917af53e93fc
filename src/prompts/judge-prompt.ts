import type { Order, ResponsePair } from '../types.ts';
import type { PromptSet } from './set.ts';
import { render, type Template } from './template.ts';

/** How a judge thinks: a plan and its execution (the method), an execution alone, or nothing (the controls). */
export type JudgeForm = 'planned' | 'unplanned' | 'direct';

/** How a judge is asked: as it was trained to think, or in two calls, the plan prompt and the execution prompt, which ask for every
 * format that is read and so suit models that were not trained. */
export type AskForm = JudgeForm | 'two-call';

/** How a judge is measured: as it is asked, or with its answer led by the prompts' guide. */
export type JudgedForm = AskForm | 'guided';

export function judgeTemplate(prompts: PromptSet, form: JudgeForm): Template<'instruction' | 'a' | 'b'> {
  return { planned: prompts.judge, unplanned: prompts.unplanned, direct: prompts.direct }[form];
}

/** The responses as shown in an order: `ab` shows the chosen one first. */
export function shown({ instruction, chosen, rejected }: ResponsePair, order: Order) {
  const [a, b] = order === 'ab' ? [chosen, rejected] : [rejected, chosen];
  return { instruction, a, b };
}

/** The verdict that names the chosen response in an order. */
export function goldVerdict(order: Order): 'A' | 'B' {
  return order === 'ab' ? 'A' : 'B';
}

/** The trained prompt: x, a, b and no plan. */
export function judgePrompt(prompts: PromptSet, form: JudgeForm, pair: ResponsePair, order: Order): string {
  return render(judgeTemplate(prompts, form), shown(pair, order));
}

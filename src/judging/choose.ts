import { EvalPlannerError } from '../errors.ts';
import { parseChoice, SLOTS } from '../prompts/published/choice.ts';
import { render } from '../prompts/template.ts';
import { requestOf } from '../sampling/request.ts';
import { type Answer, asks, type Task } from '../sampling/task.ts';
import type { VerdictKind } from '../types.ts';
import { type Settings, voteSeeds } from './settings.ts';

/** What one judge said of n responses shown at once: the slot it names, or why it names none. */
export type Chosen =
  | { readonly slot: number }
  | { readonly none: Exclude<VerdictKind, 'A' | 'B'>; readonly error?: string };

/** Shows n responses at once and asks for the best; of several votes the slot that most name counts, and none where two are
 * even. */
export function* choose(instruction: string, responses: readonly string[], s: Settings): Task<Chosen> {
  const n = responses.length;
  if (s.prompts.choice === undefined)
    throw new EvalPlannerError(
      'usage',
      'these prompts compare two responses only',
      'use the published prompts, or compare two at a time: --way round-robin',
    );
  if (n < 2 || n > SLOTS.length)
    throw new EvalPlannerError('data', `${n} responses cannot be shown at once`, 'give 2 to 26');
  const template = s.prompts.choice(n);
  const text = render(template, {
    instruction,
    ...Object.fromEntries(responses.map((response, i) => [SLOTS.charAt(i), response])),
  });
  const recipe = { template, text, model: s.judge, sampling: s.sampling };
  const requests = voteSeeds(s.votes, s, 'choice', text).map((seed) => requestOf({ ...recipe, seed }));
  const answers = yield asks(requests);
  const votes = requests.map((request) => read(answers.get(request.key) as Answer, n));
  const counts = new Map<number, number>();
  for (const vote of votes) if ('slot' in vote) counts.set(vote.slot, (counts.get(vote.slot) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  const [slot, second] = [...counts].filter(([, count]) => count === most).map(([slot]) => slot);
  if (slot !== undefined && second === undefined) return { slot };
  return votes.find((vote) => 'none' in vote) ?? { none: 'invalid' };
}

const ENDED = { length: 'truncated', refused: 'refused', error: 'error' } as const;

function read({ generation: { text, finishReason, error } }: Answer, n: number): Chosen {
  if (finishReason !== 'stop')
    return { none: ENDED[finishReason], ...(error === undefined ? {} : { error }) };
  const slot = parseChoice(text, n);
  return slot === null ? { none: 'invalid' } : { slot };
}

import { createHash } from 'node:crypto';
import { EvalPlannerError } from '../../errors.ts';
import {
  type GenerateOptions,
  type GenerateRequest,
  type Generation,
  type Model,
  type Prompt,
  RENDERING,
  type Requests,
} from '../../model.ts';
import type { Prices } from '../../prices.ts';
import { wellFormed } from '../../text/well-formed.ts';
import { breakServed } from '../control-tokens.ts';
import { Budget, type BudgetOptions, costOf } from './budget.ts';
import type { CallFailure } from './call-failure.ts';
import type { Clock } from './clock.ts';
import { type Completion, type Job, jobs, type Paid, samePrompt } from './completion.ts';
import type { Affinity, Endpoint } from './places.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';

export interface RemoteOptions extends Partial<SchedulerOptions>, BudgetOptions {
  /** Most completions of one call, where requests are alike but for seeds that follow each other (default 16). */
  readonly maxN?: number;
  /** Names the weights behind the address, where that does not: a commit, a checkpoint. Part of every key. */
  readonly revision?: string;
}

/** Where a model's completions come from. A call fills the job it is given. */
export interface CompletionEndpoint extends Endpoint<Job, void> {
  /** Whether one call may bring several completions. */
  readonly takesN: boolean;
}

/** How a model behind endpoints is shown its prompts. */
export interface RemoteRendering {
  /** Whether its server puts messages into a chat template, whose control tokens no message may bring. */
  readonly chat: boolean;
  readonly prefills: boolean;
  /** Where its endpoints remember what they have read. */
  readonly affinity?: Affinity<Job>;
}

/** A model behind endpoints: one scheduler for all its calls. `identity` is everything that decides what it answers. */
export function remoteModel(
  identity: readonly string[],
  endpoints: readonly CompletionEndpoint[],
  rendering: RemoteRendering,
  options: RemoteOptions,
  clock?: Clock,
): Model {
  const { prefills, affinity = null } = rendering;
  const { maxN = 16, prices } = options;
  const scheduler = new Scheduler<Job, void>(endpoints, options, clock, new Budget(options), affinity);
  const most = () => (endpoints.every(({ takesN }) => takesN) ? Math.max(1, maxN) : 1);
  return {
    revision: createHash('sha256')
      .update([...identity, RENDERING].join('\n'))
      .digest('hex')
      .slice(0, 16),
    prefills,
    async *generate(requests, { signal, onDelta } = {}) {
      for await (const outcome of scheduler.run(
        heard(jobs(shown(requests, rendering), most), onDelta),
        signal,
      )) {
        const { requests, completions } = outcome.job;
        const failure = 'failure' in outcome ? outcome.failure : undefined;
        for (const [index, { key }] of requests.entries()) {
          const completion = completions[index];
          if (completion) onDelta?.(key, completion.text);
          // What a failed call cost is told once, of the first that it brought nothing for.
          const paid = index === completions.length ? failure?.paid : undefined;
          yield completion ? generation(key, completion, prices) : failed(key, failure, paid, prices);
        }
      }
    },
    async close() {},
  };
}

/** Jobs whose texts are told as they come. */
async function* heard(
  all: AsyncIterable<Job>,
  onDelta: GenerateOptions['onDelta'],
): AsyncGenerator<Job, void, undefined> {
  if (!onDelta) return yield* all;
  for await (const job of all)
    yield { ...job, onDelta: (index, text) => onDelta(job.requests[index]?.key ?? '', text) };
}

/** Requests as a server may see them. */
async function* shown(
  requests: Requests,
  { chat, prefills }: RemoteRendering,
): AsyncGenerator<GenerateRequest, void, undefined> {
  // Siblings have one prompt: it is looked through, and held while they are under way, once.
  let last: { readonly of: Prompt; readonly prompt: Prompt } | undefined;
  for await (const request of requests) {
    const { prompt: of } = request;
    if (of.prefill && !prefills) throw noPrefill();
    if (last === undefined || !samePrompt(of, last.of)) {
      const prompt = wellFormedPrompt(of);
      last = { of, prompt: chat ? breakServed(prompt) : prompt };
    }
    yield { ...request, prompt: last.prompt };
  }
}

/** As UTF-8 can hold it: some servers refuse a body with half a surrogate pair, others a NUL. */
function wellFormedPrompt({ messages, prefill }: Prompt): Prompt {
  return {
    messages: messages.map((message) => ({ ...message, content: wellFormed(message.content) })),
    ...(prefill === undefined ? {} : { prefill: wellFormed(prefill) }),
  };
}

const noPrefill = () =>
  new EvalPlannerError(
    'usage',
    'the answer is to go on from a beginning, which this model cannot',
    'say how its server takes one by the option prefill, or ask another model',
  );

function generation(key: string, completion: Completion, prices: Prices | undefined): Generation {
  const { promptShared, unmetered, ...told } = completion;
  return { key, ...told, ...(prices && !unmetered ? { cost: costOf(completion, prices) } : {}) };
}

function failed(
  key: string,
  failure: CallFailure | undefined,
  paid: Paid | undefined,
  prices: Prices | undefined,
): Generation {
  const { message: error = '', kind } = failure ?? {};
  const again = kind === 'permanent' ? { permanent: true as const } : {};
  const { promptTokens = 0, completionTokens = 0 } = paid ?? {};
  const cost = prices && paid ? { cost: costOf(paid, prices) } : {};
  return { key, text: '', finishReason: 'error', promptTokens, completionTokens, ...cost, error, ...again };
}

import { key } from '../key.ts';
import type { GenerateRequest, Message, Sampling } from '../model.ts';
import { seedOf } from '../random.ts';
import { wellFormed } from '../text/well-formed.ts';

/** What one generation is a function of. */
export interface Recipe {
  /** The prompt's template: its version is a new one whenever its text or its parser changes. */
  readonly template: { readonly name: string; readonly version: string };
  /** The prompt's text: a user's message. */
  readonly text: string;
  /** Worked examples: turns that stand before it. */
  readonly examples?: readonly Message[];
  /** What the answer already begins with. */
  readonly prefill?: string;
  /** Revision of the model that is asked. */
  readonly model: string;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly stop?: readonly string[];
  readonly logprobs?: number;
  readonly choices?: readonly string[];
}

/** The one recipe of keys: a request is known by all that decides its answer and by nothing else, so that the same question
 * asked by another command, round or run of one ledger is answered from it. */
export function requestOf({ template, model, seed, sampling, ...recipe }: Recipe): GenerateRequest {
  const { prefill: begun, text: shown, examples = [], ...rest } = recipe;
  // One text: keyed, sent and stored, whoever wrote it.
  const text = wellFormed(shown);
  const turns = examples.map(({ role, content }) => ({ role, content: wellFormed(content) }));
  const prefill = begun === undefined ? undefined : wellFormed(begun);
  const { temperature, topP, maxTokens } = sampling;
  const asked = { seed, temperature, topP, maxTokens, ...rest };
  const { name, version } = template;
  return {
    key: key({
      ...{ prompt: name, version, text, prefill: prefill || undefined, model, ...asked },
      ...(turns.length > 0 ? { turns } : {}),
    }),
    prompt: { messages: [...turns, { role: 'user', content: text }], ...(prefill ? { prefill } : {}) },
    ...asked,
  };
}

/** Servers take seeds below this: some read them as 32 bits with a sign. */
const SEEDS = 2 ** 31;

/** Seeds of samples of one prompt: s, s + 1, …, so that they may be one call (vLLM seeds the completions of a call so), and each of
 * them alone is still the same sample. */
export function siblingSeeds(count: number, ...key: readonly (string | number)[]): number[] {
  const first = seedOf(...key);
  return Array.from({ length: count }, (_, index) => (first + index) % SEEDS);
}

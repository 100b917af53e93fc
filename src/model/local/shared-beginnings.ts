import type { Message, Prompt } from '../../model.ts';
import type { Rendering } from './rendering.ts';

/** Other words: what a prompt has in common with one that holds them begins many prompts. Nothing begins so. */
const OTHER = '\u0001';

/** Prompts of which is known what they begin with: examples, and the last case that was asked about. */
const KNOWN = 64;

/** Where prompts of several turns begin like others: before their last turn, and before the answer's first words. A prompt of one turn is
 * computed as a whole. */
export class SharedBeginnings {
  readonly #rendering: Rendering;
  readonly #known = new Map<string, readonly number[]>();

  constructor(rendering: Rendering) {
    this.#rendering = rendering;
  }

  /** Counts of its tokens `ids`, which depend on the prompt alone. */
  cuts({ messages, prefill }: Prompt, ids: readonly number[]): number[] {
    const last = messages.at(-1);
    if (messages.length < 2 || last === undefined) return [];
    const earlier = { messages: [...messages.slice(0, -1), { ...last, content: OTHER }] };
    const beginnings = [earlier, ...(prefill ? [{ messages, prefill: OTHER }] : [])];
    const cuts = beginnings.map((beginning) => common(ids, this.#ids(beginning)));
    return [...new Set(cuts)].filter((cut) => cut > 0 && cut < ids.length).sort((a, b) => a - b);
  }

  #ids(prompt: { readonly messages: readonly Message[]; readonly prefill?: string }): readonly number[] {
    const key = JSON.stringify(prompt);
    const ids = this.#known.get(key) ?? this.#rendering.render(prompt).ids;
    // Those wanted last are the last to go.
    this.#known.delete(key);
    this.#known.set(key, ids);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KNOWN) break;
      this.#known.delete(oldest);
    }
    return ids;
  }
}

function common(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((id, i) => id !== b[i]);
  return differs < 0 ? a.length : differs;
}

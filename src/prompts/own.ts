import { createHash } from 'node:crypto';
import { PLAYGROUND_PROMPTS, type PromptSet, PUBLISHED_PROMPTS } from './set.ts';
import type { Template } from './template.ts';

/** The templates of a set that somebody may put their own text in place of. */
export const OWN_PARTS = ['response', 'modify', 'plan', 'execute', 'judge', 'unplanned', 'direct'] as const;
export type OwnPart = (typeof OWN_PARTS)[number];

/** Prompts by name, or own texts in place of some of a set: what comes out is read as the set's own is. */
export type NamedPrompts =
  | 'playground'
  | 'published'
  | {
      readonly base: 'playground' | 'published';
      readonly texts: Readonly<{ [Part in OwnPart]?: string }>;
    };

const SETS = { playground: PLAYGROUND_PROMPTS, published: PUBLISHED_PROMPTS };

/** The set that is named. */
export function promptSet(named: NamedPrompts): PromptSet {
  if (typeof named === 'string') return SETS[named];
  const set = SETS[named.base];
  const own: Record<string, Template<string>> = {};
  for (const part of OWN_PARTS) {
    const text = named.texts[part];
    if (text === undefined) continue;
    // A new version whenever the text changes: what was asked by another one is not reused.
    const version = createHash('sha256').update(text).digest('hex').slice(0, 12);
    own[part] = { ...set[part], name: `own ${part}`, version, text };
  }
  return { ...set, ...own };
}

/** What promptSet makes the set of again. */
export function ownPrompts(set: PromptSet, base: 'playground' | 'published'): NamedPrompts {
  const texts = OWN_PARTS.flatMap((part) =>
    set[part].text === SETS[base][part].text ? [] : [[part, set[part].text] as const],
  );
  return texts.length === 0 ? base : { base, texts: Object.fromEntries(texts) };
}

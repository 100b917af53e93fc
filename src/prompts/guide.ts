import type { Turn } from '../types.ts';
import { escapeTags, render, type Template } from './template.ts';

/** A worked example: a pair as it is shown, and a thought about it. */
export interface Shot {
  readonly instruction: string;
  readonly a: string;
  readonly b: string;
  readonly plan: string;
  readonly execution: string;
  readonly verdict: 'A' | 'B';
}

/** A task in words, and how a case of it is shown. */
export interface Exercise<Field extends string> {
  readonly task: string;
  readonly shows: Template<Field>;
}

/** How a model that does not write the format is led through a thought: each part of its answer begins with words of ours, and ends
 * at others or its budget. What comes of it is a plan, an execution and a verdict as ever. */
export interface Guide {
  readonly name: string;
  readonly version: string;
  readonly plan: Exercise<'instruction'>;
  readonly execute: Exercise<'instruction' | 'a' | 'b' | 'plan'>;
  /** The control without a plan. */
  readonly unplanned: Exercise<'instruction' | 'a' | 'b'>;
  /** Stands before a plan, and is no part of it. */
  readonly planLabel: string;
  /** How a plan begins, and each part of an execution. */
  readonly planOpens: string;
  readonly parts: readonly string[];
  /** Words that end a plan or a part; a server takes four at most. */
  readonly ends: readonly string[];
  /** The verdict's letter is the next token. */
  readonly verdictOpens: string;
  readonly shots: readonly Shot[];
}

/** The case behind worked examples, each a turn with the answer that was wanted: in one message a small model takes their words for the
 * case's. A model without a chat template goes on with the last line at once. */
export function exercise<Field extends string>(
  { task, shows }: Exercise<Field>,
  shots: readonly Shot[],
  said: (shot: Shot) => string,
  values: Readonly<Record<Field, string>>,
): { readonly examples: readonly Turn[]; readonly text: string } {
  const asked = (of: Readonly<Record<Field, string>>) => `${task}\n\n${render(shows, of)}`;
  const examples = shots.flatMap((shot, i): Turn[] => {
    const [plan, execution] = [shot.plan, shot.execution].map((text) => escapeTags(text, shows.tags));
    const own = { ...shot } as Readonly<Record<string, string>> as Record<Field, string>;
    return [
      { role: 'user', content: i === 0 ? asked(own) : render(shows, own) },
      { role: 'assistant', content: said({ ...shot, plan, execution } as Shot) },
    ];
  });
  return { examples, text: `${asked(values)}\n` };
}

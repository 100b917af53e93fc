import { type Encode, lossMask, type RenderChat } from './loss-mask.ts';
import type { TrainingRow } from './training-row.ts';

/** What a model's chat template and tokenizer make of the rows. */
export interface TemplateCheck {
  /** Prompt and completion, in tokens, of the longest conversation. */
  longest: number;
  tokens: number;
  /** Completions, of which a preference row has two. */
  completions: number;
  /** Those that lie whole in the loss mask, with an end of turn behind them. */
  whole: number;
  /** Why others do not, by reason. */
  readonly faults: Record<string, number>;
}

export function newTemplateCheck(): TemplateCheck {
  return { longest: 0, tokens: 0, completions: 0, whole: 0, faults: {} };
}

/** The checks of several files as one. */
export function sumChecks(checks: readonly TemplateCheck[]): TemplateCheck {
  const sum = newTemplateCheck();
  for (const { longest, tokens, completions, whole, faults } of checks) {
    sum.longest = Math.max(sum.longest, longest);
    sum.tokens += tokens;
    sum.completions += completions;
    sum.whole += whole;
    for (const [reason, n] of Object.entries(faults)) sum.faults[reason] = (sum.faults[reason] ?? 0) + n;
  }
  return sum;
}

/** Puts each completion of a row through the template and looks for it, up to white space at its ends, in the text that carries
 * loss. */
export function checkTemplate(
  check: TemplateCheck,
  row: TrainingRow,
  render: RenderChat,
  encode: Encode,
): void {
  const completions = row.kind === 'sft' ? [row.completion] : [row.chosen, row.rejected];
  for (const completion of completions) {
    check.completions++;
    const fault = faultOf(check, row.prompt, completion, render, encode);
    if (fault === null) check.whole++;
    else check.faults[fault] = (check.faults[fault] ?? 0) + 1;
  }
}

function faultOf(
  check: TemplateCheck,
  prompt: string,
  completion: string,
  render: RenderChat,
  encode: Encode,
): string | null {
  try {
    const { ids, masked } = lossMask(render, encode, prompt, completion);
    check.tokens += ids.length;
    check.longest = Math.max(check.longest, ids.length);
    const at = masked.indexOf(completion.trim());
    if (at < 0) return 'the template changes the completion';
    return masked.slice(at + completion.trim().length).trim() === '' ? 'no end of turn is learned' : null;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

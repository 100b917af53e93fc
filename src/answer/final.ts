import { sameAnswer } from './same.ts';
import { braced } from './tokens.ts';
import { bounded } from './work.ts';

/** The final answer of a worked solution, as it is written there: its last \boxed{…} (several that are joined by commas or
 * "and" are one list), else the line after GSM8K's `####` or
 * `A:`, else what the last "answer is" or "So" concludes; null when there is none, or when it was cut. */
export function finalAnswer(solution: string): string | null {
  return boxed(solution) ?? marked(solution) ?? stated(solution) ?? concluded(solution);
}

function boxed(solution: string): string | null {
  const at = Math.max(solution.lastIndexOf('\\boxed'), solution.lastIndexOf('\\fbox'));
  if (at < 0) return null;
  const start = at + (solution.startsWith('\\fbox', at) ? 5 : 6);
  const argument = braced(solution, start);
  const last = argument?.text.trim();
  // Of more boxes than can be told apart the last one.
  if (last !== undefined) return bounded(() => joined(solution, at, last), last) || null;
  // \boxed 5 boxes one token; an open brace was cut.
  return /^ ?([^\s{$\\.])/.exec(solution.slice(start, start + 2))?.[1] ?? null;
}

const JOIN = /^[\s$\\()[\]]*(?:[,;][\s$\\()[\]]*)?(?:\\text ?\{\s*)?(?:and|or)?(?:\s*\})?[\s$\\()[\]]*$/i;

/** "\\boxed{1} and \\boxed{2}". */
function joined(solution: string, from: number, last: string): string {
  const parts = [last];
  for (let next = from; next > 0; ) {
    const at = solution.lastIndexOf('\\boxed', next - 1);
    const box = at < 0 ? null : braced(solution, at + 6);
    const gap = box && box.end <= next && next - box.end < 40 ? solution.slice(box.end, next) : '';
    if (!box || !/[,;]|and|or/i.test(gap) || !JOIN.test(gap)) break;
    const text = box.text.trim();
    // Said twice it is still one: x+11 or 11+x.
    if (!parts.some((part) => sameAnswer(part, text) === true)) parts.unshift(text);
    next = at;
  }
  return parts.join(', ');
}

function marked(solution: string): string | null {
  let answer: string | null = null;
  for (const [, text] of solution.matchAll(/(?:^|\n)(?:####|A:)([^\n]*)/g))
    answer = (text as string).trim() || null;
  return answer;
}

const STATED =
  /(?<!\b(?:this|that|your|his|her|their) )\banswer(?:(?: to [^\n.:]{1,60}?)? is\b|:|[ \t]*=)[ \t]*:?|^[# \t]*(?:final )?answer[ \t]*$/gim;

/** "The answer is 5.", "Final answer: $\frac12$." */
function stated(solution: string): string | null {
  const plain = solution.replaceAll('**', '');
  let start = -1;
  for (const { 0: opening, index } of plain.matchAll(STATED)) start = index + opening.length;
  if (start < 0) return null;
  const [, line] = /^\s*([^\n]*)/.exec(plain.slice(start)) as unknown as [string, string];
  return line.split(/\.(?:\s|$)/)[0]?.trim() || null;
}

/** "So 12." of the playground's solutions. */
function concluded(solution: string): string | null {
  let answer: string | null = null;
  for (const [, number] of solution.matchAll(/\bSo (-?\d+(?:\.\d+)?)/g)) answer = number as string;
  return answer;
}

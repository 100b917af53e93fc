import type { Token } from './tokens.ts';

/** Where a judge speaks in its own final voice. */
export interface Voice {
  /** Index of its first token: after the last thought, plan and execution. */
  readonly from: number;
  /** A thought was opened and never closed. */
  readonly open: boolean;
  /** Tokens of responses that it repeats between the prompt's delimiters. */
  readonly repeated: ReadonlySet<number>;
}

const THOUGHTS = new Set(['think', 'thinking', 'thought', 'thoughts', 'reasoning', 'reflection']);
const SECTIONS = new Set(['plan', 'exec', 'execution']);
/** `a <think> tag` mentions one. */
const MENTION = new Set([
  'tag',
  'tags',
  'token',
  'tokens',
  'block',
  'blocks',
  'element',
  'marker',
  'section',
]);

export function finalVoice(tokens: readonly Token[]): Voice {
  let from = 0;
  let open = false;
  let repeating = false;
  const repeated = new Set<number>();
  for (let i = 0; i < tokens.length; i++) {
    const { text, code } = tokens[i] as Token;
    if (repeating) repeated.add(i);
    if (text === '<' && !code) {
      const tag = tagAt(tokens, i);
      if (tag === null) continue;
      if (tag.closes) {
        from = tag.after;
        open = false;
      } else if (!MENTION.has(tokens[tag.after]?.text ?? '') && !quoted(tokens, i)) open = true;
    } else if (text === '[') {
      const title = titleAt(tokens, i);
      if (title === 'end of section') from = i;
      else if (title === 'start of response') repeating = true;
      else if (title === 'end of response') repeating = false;
    }
  }
  return { from, open, repeated };
}

/** `<think>`, `</think>`, `<seed:think>`, `</exec>`, and the channels of harmony: `<|channel|>analysis`, `…final`. */
function tagAt(tokens: readonly Token[], at: number): { closes: boolean; after: number } | null {
  const word = (i: number) => tokens[i]?.text ?? '';
  if (word(at + 1) === '|' && word(at + 2) === 'channel' && word(at + 3) === '|' && word(at + 4) === '>') {
    return { closes: word(at + 5) === 'final', after: at + 6 };
  }
  let i = at + 1;
  const closes = word(i) === '/';
  if (closes) i++;
  if (word(i + 1) === ':') i += 2;
  if (word(i + 1) !== '>') return null;
  if (THOUGHTS.has(word(i))) return { closes, after: i + 2 };
  // An open section is no open thought: the model closed it by ending.
  return closes && SECTIONS.has(word(i)) ? { closes, after: i + 2 } : null;
}

/** `[End of Evaluation Plan]`, `[End of Plan Execution]`, `[The Start of Assistant A's Answer]`, `[The End of …]`. */
function titleAt(tokens: readonly Token[], at: number): string | null {
  const words = tokens.slice(at + 1, at + 7).map(({ text }) => text);
  const said = words.slice(0, 5).join(' ');
  if (said.startsWith('end of evaluation plan ]') || said.startsWith('end of plan execution ]')) {
    return 'end of section';
  }
  const [the, edge, of, whom] = words;
  if (the !== 'the' || of !== 'of' || (whom !== 'assistant' && whom !== 'response')) return null;
  return edge === 'start' || edge === 'end' ? `${edge} of response` : null;
}

function quoted(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1]?.text;
  return before === '"' || before === '\u201c' || before === "'";
}

/** A text with the thoughts of a reasoning model kept apart from its answer. */
export interface Reasoned {
  /** Empty where there are none. */
  readonly reasoning: string;
  readonly answer: string;
  /** A thought was begun and never ended: the output was cut in it. */
  readonly open: boolean;
}

interface Marks {
  readonly open: string;
  readonly close: string;
  /** The end tells by itself, since chat templates may have written the beginning into the prompt. */
  readonly alone: boolean;
}

const tag = (name: string): Marks => ({ open: `<${name}>`, close: `</${name}>`, alone: true });

const MARKS: readonly Marks[] = [
  // DeepSeek-R1 to V3.2, Qwen3, QwQ, GLM-4.5, ERNIE, MiniMax: https://docs.vllm.ai/en/v0.11.2/features/reasoning_outputs/;
  // DeepSeek-R1 writes the end only: https://docs.sglang.io/docs/advanced_features/separate_reasoning
  tag('think'),
  // Of prompts and of fine-tuned models.
  ...['thinking', 'thought', 'thoughts', 'reasoning', 'reflection'].map(tag),
  // Seed-OSS: vllm/reasoning/seedoss_reasoning_parser.py
  tag('seed:think'),
  // Magistral, Ministral 3: the special tokens of mistral-common
  { open: '[THINK]', close: '[/THINK]', alone: true },
  // Kimi: https://docs.sglang.io/docs/advanced_features/separate_reasoning
  { open: '◁think▷', close: '◁/think▷', alone: true },
  // Granite 3.2: vllm/reasoning/granite_reasoning_parser.py. Words that anybody may write, so only both together count.
  { open: 'Here is my thought process:', close: 'Here is my response:', alone: false },
];

/** What may stand in no prompt unbroken: a judge that repeats it would end its own thought. */
export const REASONING_TAGS: readonly string[] = MARKS.filter(({ alone }) => alone).flatMap(
  ({ open, close }) => [open, close],
);

const literal = (text: string) => text.replace(/[[\]/|:]/g, '\\$&');
const ANY = new RegExp(MARKS.flatMap(({ open, close }) => [open, close].map(literal)).join('|'), 'gi');
/** A mark in quotes is spoken of. */
const QUOTED = /["'`“”‘’]/;

/** Thoughts begin at the beginning of a line; an end without a beginning makes a thought of all before it. Harmony's channels
 * (gpt-oss: https://cookbook.openai.com/articles/openai-harmony) are told by their own marks: only `final` is the answer. */
export function splitReasoning(text: string): Reasoned {
  const channels = harmony(text);
  if (channels !== null) return channels;
  let [reasoning, answer, from] = ['', '', 0];
  let inside: Marks | null = null;
  for (const { 0: found, index } of text.matchAll(ANY)) {
    const mark = found.toLowerCase();
    const end = index + found.length;
    if (inside !== null) {
      if (mark !== inside.close.toLowerCase()) continue;
      reasoning += text.slice(from, index);
      inside = null;
    } else {
      if (QUOTED.test(text[index - 1] ?? '') || QUOTED.test(text[end] ?? '')) continue;
      const opens = MARKS.find(({ open }) => open.toLowerCase() === mark);
      if (opens) {
        if (!atLineStart(text, from, index)) continue;
        answer += text.slice(from, index);
        inside = opens;
      } else {
        if (!MARKS.some(({ close, alone }) => alone && close.toLowerCase() === mark)) continue;
        reasoning += answer + text.slice(from, index);
        answer = '';
      }
    }
    from = end;
  }
  if (from === 0) return { reasoning: '', answer: text, open: false };
  if (inside === null) answer += text.slice(from);
  else reasoning += text.slice(from);
  return { reasoning: reasoning.trim(), answer: answer.trimStart(), open: inside !== null };
}

/** Nothing but blanks between the last thought, or the last end of a line, and a place. */
function atLineStart(text: string, from: number, index: number): boolean {
  let at = index;
  while (at > from && (text[at - 1] === ' ' || text[at - 1] === '\t')) at--;
  return at === from || text[at - 1] === '\n';
}

/** `<|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…`, also where a server has left the
 * tokens out: `analysis…assistantfinal…`. */
function harmony(text: string): Reasoned | null {
  const bare = /^\s*analysis(.*)assistantfinal(.*)$/s.exec(text);
  if (bare) return { reasoning: (bare[1] as string).trim(), answer: bare[2] as string, open: false };
  if (!/^\s*(<\|start\|>assistant)?<\|channel\|>/.test(text)) return null;
  let [reasoning, answer, final] = ['', '', false];
  for (const message of text.split(/<\|(?:start|end|return|call)\|>/)) {
    const [, channel = '', said = ''] = /<\|channel\|>\s*(\w*)(.*)$/s.exec(message) ?? [];
    const content = said.replace(/^.*?<\|message\|>/s, '');
    if (channel === 'final') [answer, final] = [answer + content, true];
    else reasoning += content;
  }
  return { reasoning: reasoning.trim(), answer, open: !final };
}

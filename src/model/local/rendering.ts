import { EvalPlannerError } from '../../errors.ts';
import { key } from '../../key.ts';
import { type Prompt, promptText, RENDERING } from '../../model.ts';
import { type ChatTemplate, chatTemplate, specialTokens } from '../../prompts/chat-template.ts';
import { breakControl, SERVED_CONTROL } from '../control-tokens.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface Rendered {
  readonly text: string;
  readonly ids: readonly number[];
}

/** How a checkpoint is shown prompts. */
export interface Rendering {
  /** Changes whenever the same prompt may be shown otherwise. */
  readonly revision: string;
  /** By a template. */
  readonly chat: boolean;
  /** What a template is given: messages without control tokens of the model. */
  harmless(prompt: Prompt): Prompt;
  /** Throws EvalPlannerError `usage` for messages that it cannot be shown. */
  render(prompt: Prompt): Rendered;
}

/** Turns of worked examples before the case, which a model that continues a text is shown as a text; of a conversation's roles it
 * knows nothing. */
const isExamples = ({ messages }: Prompt): boolean =>
  messages.length > 1 && messages.every(({ role }, i) => role === (i % 2 === 0 ? 'user' : 'assistant'));

const THOUGHT = /^<\/?think>$/;

/** By its own chat template; a checkpoint without one takes a single user message as it stands, behind what its tokenizer puts
 * before every text. A template writes such tokens itself, and no message brings it one of the tokenizer's special tokens, or
 * of the words that the template parts its turns by; without a template they are the prompts' own. */
export function rendering(
  files: Readonly<Record<string, string>>,
  tokenizer: Pick<Tokenizer, 'encode' | 'start' | 'special' | 'tags'>,
): Rendering {
  // A prompt, and so its key, does not depend on the day.
  const template = chatTemplate(files, { fixedDate: true });
  if (template.source === null) {
    return {
      revision: key({ rendering: RENDERING }),
      chat: false,
      harmless: (prompt) => prompt,
      render(prompt) {
        const text = isExamples(prompt)
          ? promptText(prompt)
          : template.render(prompt.messages) + (prompt.prefill ?? '');
        return { text, ids: tokenizer.start(text) };
      },
    };
  }
  const { source } = template;
  // Llama 2's turns are plain text for its tokenizer, and so are the tags of Qwen's and DeepSeek's tool calls. Thoughts are data.
  const written = [...SERVED_CONTROL, ...tokenizer.tags].filter(
    (token) => source.includes(token) && !THOUGHT.test(token),
  );
  const control = [...new Set([...tokenizer.special, ...Object.values(specialTokens(files)), ...written])];
  const harmless = (prompt: Prompt) => breakControl(prompt, control);
  return {
    revision: key({ rendering: RENDERING, template: source, control }),
    chat: true,
    harmless,
    render(prompt) {
      const text = rendered(template, harmless(prompt));
      return { text, ids: tokenizer.encode(text) };
    },
  };
}

function rendered(template: ChatTemplate, { messages, prefill }: Prompt): string {
  if (!prefill) return template.render(messages);
  const begun = [...messages, { role: 'assistant', content: prefill }];
  try {
    return template.render(begun, { continue_final_message: true });
  } catch (error) {
    if (!(error instanceof EvalPlannerError)) throw error;
  }
  // It shows no answers, or not as they are: then behind the words that ask for one, and not inside a thought.
  const asked = template.render(messages);
  const thinking = /<think>\s*$/.test(asked);
  return `${asked}${thinking ? `${asked.endsWith('\n') ? '' : '\n'}\n</think>\n\n` : ''}${prefill}`;
}

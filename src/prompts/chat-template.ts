import { Template } from '@huggingface/jinja';
import { EvalPlannerError } from '../errors.ts';
import { PYTHON_STRINGS, withPythonStrings } from './python-strings.ts';

export interface Message {
  readonly role: string;
  readonly content: string;
}

/** Messages to the prompt that a checkpoint was trained on. */
export interface ChatTemplate {
  /** Whether the prompt holds its special tokens already. */
  readonly complete: boolean;
  /** All that decides what it renders; null without a template. */
  readonly source: string | null;
  /** `options` are the template's variables. With `continue_final_message` the text ends inside the last message, an assistant's,
   * as transformers' apply_chat_template does it. Throws EvalPlannerError `usage` for messages that it does not take. */
  render(messages: readonly Message[], options?: Readonly<Record<string, unknown>>): string;
}

/** The chat template of a checkpoint's tokenizer files: chat_template.jinja, or `chat_template` of tokenizer_config.json. A
 * checkpoint without one answers a single user message, which is its prompt as it stands. With `fixedDate` a template that prints
 * today's date prints the same one every day. */
export function chatTemplate(
  files: Readonly<Record<string, string>>,
  { fixedDate = false }: { readonly fixedDate?: boolean } = {},
): ChatTemplate {
  const config = read(files['tokenizer_config.json']);
  const source = files['chat_template.jinja'] ?? sourceOf(config.chat_template);
  if (source === undefined) return { complete: false, source: null, render: onlyMessage };
  let template: Template;
  try {
    template = withPythonStrings(new Template(source), fixedDate);
  } catch (error) {
    throw new EvalPlannerError(
      'model',
      `the chat template cannot be read: ${(error as Error).message}`,
      'copy chat_template.jinja from the original model',
      error,
    );
  }
  const special = specialTokens(files);
  return {
    complete: true,
    source: JSON.stringify([source, special]),
    render(messages, { continue_final_message = false, ...options } = {}) {
      const render = (of: readonly Message[], more: object) =>
        template.render({ ...PYTHON_STRINGS, ...special, ...more, ...options, messages: of });
      try {
        if (!continue_final_message) return render(messages, { add_generation_prompt: true });
        return continued(messages, (marked) => render(marked, { add_generation_prompt: false }));
      } catch (error) {
        // Templates refuse by raise_exception: unknown roles, a wrong order.
        throw new EvalPlannerError(
          'usage',
          `the chat template refuses these messages: ${(error as Error).message}`,
          'give the roles and the order that the template takes',
          error,
        );
      }
    },
  };
}

/** Ends behind the last message's content, without the whitespace at its end where the template strips that. */
function continued(messages: readonly Message[], render: (messages: readonly Message[]) => string): string {
  const last = messages.at(-1);
  if (last?.role !== 'assistant')
    throw new Error('the last message to be continued is none of the assistant');
  const text = render([...messages.slice(0, -1), { ...last, content: last.content + CONTINUED }]);
  const at = text.lastIndexOf(CONTINUED.trimEnd());
  if (at < 0 || !text.includes(last.content.trim()))
    throw new Error('it does not show the last message as it is');
  return text.startsWith(CONTINUED, at) ? text.slice(0, at) : text.slice(0, at).trimEnd();
}

const CONTINUED = 'CONTINUE_FINAL_MESSAGE_TAG ';

/** The variables of special tokens. As transformers reads them: special_tokens_map.json counts where tokenizer_config.json is
 * of the time before it listed the added tokens itself. */
export function specialTokens(files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const config = read(files['tokenizer_config.json']);
  const older = config.added_tokens_decoder === undefined ? read(files['special_tokens_map.json']) : {};
  const named = Object.entries({ ...config, ...older }).filter(([name]) => name.endsWith('_token'));
  return Object.fromEntries(
    named.flatMap(([name, token]) => {
      const text = tokenText(token);
      return typeof text === 'string' ? [[name, text]] : [];
    }),
  );
}

function read(json = '{}'): Readonly<Record<string, unknown>> {
  return JSON.parse(json) as Readonly<Record<string, unknown>>;
}

function onlyMessage(
  messages: readonly Message[],
  { continue_final_message = false }: Readonly<Record<string, unknown>> = {},
): string {
  const [message, begun] = messages;
  const answer = continue_final_message && begun?.role === 'assistant' ? begun.content : null;
  if (message?.role === 'user' && messages.length === (answer === null ? 1 : 2))
    return message.content + (answer ?? '');
  throw new EvalPlannerError(
    'usage',
    'this checkpoint has no chat template: it takes a single user message, whose content is the prompt as it stands',
    'send one, or put a chat_template.jinja into its folder',
  );
}

/** A string, or a list of named ones of which `default` is meant. */
function sourceOf(field: unknown): string | undefined {
  if (typeof field === 'string') return field;
  if (!Array.isArray(field)) return undefined;
  const named = field.find((entry: { name?: unknown }) => entry?.name === 'default') as
    | { readonly template?: unknown }
    | undefined;
  return typeof named?.template === 'string' ? named.template : undefined;
}

function tokenText(token: unknown): unknown {
  return typeof token === 'object' && token !== null && 'content' in token ? token.content : token;
}

import { Template } from '@huggingface/jinja';
import { EvalPlannerError } from '../errors.ts';

export interface Message {
  readonly role: string;
  readonly content: string;
}

/** Messages to the prompt that a checkpoint was trained on. */
export interface ChatTemplate {
  /** Whether the prompt holds its special tokens already. */
  readonly complete: boolean;
  render(messages: readonly Message[], options?: Readonly<Record<string, unknown>>): string;
}

/** The chat template of a checkpoint's tokenizer files: chat_template.jinja, or `chat_template` of tokenizer_config.json. A
 * checkpoint without one answers a single user message, which is its prompt as it stands. */
export function chatTemplate(files: Readonly<Record<string, string>>): ChatTemplate {
  const config = JSON.parse(files['tokenizer_config.json'] ?? '{}') as Readonly<Record<string, unknown>>;
  const source = files['chat_template.jinja'] ?? sourceOf(config.chat_template);
  if (source === undefined) return { complete: false, render: onlyMessage };
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw new EvalPlannerError(
      'model',
      `the chat template cannot be read: ${(error as Error).message}`,
      'copy chat_template.jinja from the original model',
      error,
    );
  }
  const special = Object.fromEntries(
    Object.entries(config)
      .filter(([name]) => name.endsWith('_token'))
      .map(([name, token]) => [name, tokenText(token)]),
  );
  return {
    complete: true,
    render(messages, options = {}) {
      try {
        return template.render({ ...special, add_generation_prompt: true, ...options, messages });
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

function onlyMessage(messages: readonly Message[]): string {
  const [message] = messages;
  if (messages.length === 1 && message?.role === 'user') return message.content;
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

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenizer } from '../model/local/tokenizer.ts';
import { chatTemplate } from '../prompts/chat-template.ts';
import type { RenderChat } from './loss-mask.ts';

/** The special tokens of Llama 3 and of Qwen. */
const SPECIAL = [
  '<|begin_of_text|>',
  '<|start_header_id|>',
  '<|end_header_id|>',
  '<|eot_id|>',
  '<|im_start|>',
  '<|im_end|>',
];

/** The last of `<pad>`, `<s>` and `</s>`. */
const END_OF_TEXT = 2;

/** Turns as the chat templates of model families write them: Llama 3 trims what it shows, Qwen 3 puts an empty thought before
 * the last answer. (Its `lstrip('\n')` is left away: @huggingface/jinja 0.5.11 takes it for `lstrip()`, which takes the space that
 * the playground's thoughts begin with, too; Python's does not.) */
export const TEMPLATES = {
  'Llama 3': {
    eos: '<|eot_id|>',
    template:
      "{{- '<|begin_of_text|>' }}{%- for message in messages %}" +
      "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}" +
      "{%- endfor %}{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}",
  },
  'Qwen 2': {
    eos: '<|im_end|>',
    template:
      "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endfor %}" +
      "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}",
  },
  'Qwen 3': {
    eos: '<|im_end|>',
    template:
      "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}" +
      "{%- if message.role == 'assistant' %}{{- '<think>\\n\\n</think>\\n\\n' + message.content }}{%- else %}{{- message.content }}{%- endif %}" +
      "{{- '<|im_end|>\\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}",
  },
} as const;

export type TemplateName = keyof typeof TEMPLATES;

/** The files of a tokenizer with those special tokens: the seed model's byte-level BPE, without the tags that are tokens of the
 * playground only (they swallow the white space before them, a template's own line break too). */
export function tokenizerFiles(name: TemplateName): Record<string, string> {
  const { eos, template } = TEMPLATES[name];
  const folder = join(import.meta.dirname, '..', '..', 'seed', 'model');
  const json = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8'));
  const config = JSON.parse(readFileSync(join(folder, 'tokenizer_config.json'), 'utf8'));
  const first =
    1 +
    Math.max(
      ...Object.values<number>(json.model.vocab),
      ...json.added_tokens.map(({ id }: { id: number }) => id),
    );
  json.added_tokens = json.added_tokens.filter(({ id }: { id: number }) => id <= END_OF_TEXT);
  for (const [i, content] of SPECIAL.entries())
    json.added_tokens.push({
      id: first + i,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    });
  return {
    'tokenizer.json': JSON.stringify(json),
    'tokenizer_config.json': JSON.stringify({ ...config, eos_token: eos }),
    'chat_template.jinja': template,
  };
}

export function openTemplate(name: TemplateName) {
  const files = tokenizerFiles(name);
  const { render } = chatTemplate(files);
  const tokens = tokenizer(
    JSON.parse(files['tokenizer.json'] as string),
    JSON.parse(files['tokenizer_config.json'] as string),
  );
  const renderChat: RenderChat = (messages, openAnswer) =>
    render(messages, { add_generation_prompt: openAnswer });
  return { tokens, render: renderChat, eos: tokens.id(TEMPLATES[name].eos) as number };
}

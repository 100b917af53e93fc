import { expect, test } from 'vitest';
import { EvalPlannerError } from '../errors.ts';
import { chatTemplate } from './chat-template.ts';

// The turns of ChatML, as Qwen2's template prints them.
const CHATML =
  "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
const messages = [
  { role: 'system', content: 'Judge.' },
  { role: 'user', content: 'A or B?' },
];
const rendered =
  '<|im_start|>system\nJudge.<|im_end|>\n<|im_start|>user\nA or B?<|im_end|>\n<|im_start|>assistant\n';
const config = (fields: object) => ({ 'tokenizer_config.json': JSON.stringify(fields) });

test('a template lies in a file of its own, in the config, or in its list of named ones', () => {
  const named = [
    { name: 'tool_use', template: 'x' },
    { name: 'default', template: CHATML },
  ];
  for (const files of [
    { ...config({ chat_template: 'old' }), 'chat_template.jinja': CHATML },
    config({ chat_template: CHATML }),
    config({ chat_template: named }),
  ]) {
    const template = chatTemplate(files);
    expect(template.complete).toBe(true);
    expect(template.render(messages)).toBe(rendered);
  }
});

test('a template sees the special tokens and the options of a request', () => {
  const template = chatTemplate(
    config({
      bos_token: { content: '<s>' },
      chat_template: "{{ bos_token }}{% if thinking %}think{% endif %}{{ messages[0]['content'] }}",
    }),
  );
  expect(template.render(messages, { thinking: true })).toBe('<s>thinkJudge.');
  expect(template.render(messages, { messages: [] })).toBe('<s>Judge.');
});

test('a template that cannot be read is an error of the checkpoint, one that refuses an error of the request', () => {
  expect(() => chatTemplate(config({ chat_template: '{% if %}' }))).toThrow(EvalPlannerError);
  const strict = chatTemplate(config({ chat_template: "{{ raise_exception('user first') }}" }));
  expect(() => strict.render(messages)).toThrow(EvalPlannerError);
  expect(() => strict.render(messages)).toThrow('user first');
});

import { expect, test } from 'vitest';
import { type Prompt, userPrompt } from '../../model.ts';
import { tokenizerConfig, tokenizerJson } from '../../playground/tokenizer.ts';
import { openTokenizer } from './open-tokenizer.ts';
import { rendering } from './rendering.ts';
import { SharedBeginnings } from './shared-beginnings.ts';

const TEMPLATE =
  '{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}';
const files = {
  'tokenizer.json': JSON.stringify(tokenizerJson()),
  'tokenizer_config.json': JSON.stringify({ ...tokenizerConfig(), chat_template: TEMPLATE }),
};
const tokenizer = openTokenizer('here', files);
const shown = rendering(files, tokenizer);
const EXAMPLES = [
  { role: 'user', content: 'Name 2 birds.' },
  { role: 'assistant', content: 'the robin' },
] as const;
const prompt = (content: string, prefill?: string): Prompt => ({
  messages: [...EXAMPLES, { role: 'user', content }],
  ...(prefill ? { prefill } : {}),
});
/** The texts of what is computed by itself. */
const begins = (of: Prompt, by = new SharedBeginnings(shown)) => {
  const { ids } = shown.render(of);
  return by.cuts(of, ids).map((cut) => tokenizer.decode(ids.slice(0, cut)));
};

test('prompts are cut before their last turn and before the first words of the answer', () => {
  const first = shown.render({ messages: [...EXAMPLES, { role: 'user', content: '' }] }).text;
  const examples = first.slice(0, first.lastIndexOf('[user] ') + '[user]'.length);
  const [before, asked] = begins(prompt('Name 3 dogs.', 'the answer is'));
  expect(before?.trim()).toBe(examples.trim());
  expect(asked?.trim()).toBe(shown.render(prompt('Name 3 dogs.')).text.trim());
  expect(begins(prompt('Name 3 dogs.', 'the dogs are'))).toEqual([before, asked]);
  expect(begins(prompt('Write 1 word.', 'the answer is'))[0]).toBe(before);
  expect(begins(prompt('Name 3 dogs.'))).toEqual([before]);
});

test('a prompt of one turn is whole', () => {
  expect(begins(userPrompt('Name 3 dogs.', 'the answer is'))).toEqual([]);
});

test('where a prompt is cut does not depend on what was asked before', () => {
  const by = new SharedBeginnings(shown);
  for (let i = 0; i < 200; i++) {
    const asked = prompt(`Name ${i % 90} dogs.`, i % 3 === 0 ? undefined : `the answer is ${i % 7}`);
    expect(begins(asked, by)).toEqual(begins(asked));
  }
});

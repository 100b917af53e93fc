import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openTokenizer } from '../src/model/local/open-tokenizer.ts';
import { rendering } from '../src/model/local/rendering.ts';
import type { Tokenizer } from '../src/model/local/tokenizer.ts';
import type { Message, Prompt } from '../src/model.ts';
import { publishedTokenizers, type TokenizerFiles, type TokenizerName } from './published-tokenizers.ts';
import { reference, scratch } from './reference.ts';

const python = inject('python');

type Files = Readonly<Record<string, string>>;

/** A family's published chat template, by TRL's name of it, and the tokenizer that it is tried with: the family's own, of some size or
 * version; where tokens are listed, another one's with these added. */
interface Family {
  readonly name: string;
  readonly tokenizer: TokenizerName;
  readonly template: string;
  readonly added?: readonly string[];
}

const FAMILIES: readonly Family[] = [
  { name: 'Llama 3', tokenizer: 'llama3_1', template: 'llama3' },
  { name: 'Llama 3.1', tokenizer: 'llama3_1', template: 'llama3_1' },
  { name: 'Llama 3.2', tokenizer: 'llama3_1', template: 'llama3_2' },
  { name: 'Gemma', tokenizer: 'gemma3', template: 'gemma' },
  { name: 'Gemma 3', tokenizer: 'gemma3', template: 'gemma3' },
  { name: 'Qwen 2.5', tokenizer: 'qwen3', template: 'qwen2_5' },
  { name: 'Qwen 3', tokenizer: 'qwen3', template: 'qwen3' },
  { name: 'Qwen 3 Instruct 2507', tokenizer: 'qwen3', template: 'qwen3_instruct_2507' },
  { name: 'Qwen 3.5, thinking', tokenizer: 'qwen3', template: 'qwen3_5_think' },
  { name: 'DeepSeek V3', tokenizer: 'deepseek_v3', template: 'deepseekv3' },
  { name: 'DeepSeek R1, distilled', tokenizer: 'deepseek_v3', template: 'deepseek_r1_distill' },
  { name: 'gpt-oss', tokenizer: 'gptoss', template: 'gptoss' },
  {
    name: 'Phi-3',
    tokenizer: 'llama2',
    template: 'phi3',
    added: ['<|endoftext|>', '<|assistant|>', '<|system|>', '<|end|>', '<|user|>'],
  },
  {
    name: 'Phi-3.5',
    tokenizer: 'llama2',
    template: 'phi3_5',
    added: ['<|endoftext|>', '<|assistant|>', '<|system|>', '<|end|>', '<|user|>'],
  },
  {
    name: 'Cohere 2',
    tokenizer: 'llama2',
    template: 'cohere2',
    added: [
      '<BOS_TOKEN>',
      '<|START_OF_TURN_TOKEN|>',
      '<|END_OF_TURN_TOKEN|>',
      '<|USER_TOKEN|>',
      '<|CHATBOT_TOKEN|>',
      '<|SYSTEM_TOKEN|>',
      '<|START_RESPONSE|>',
      '<|END_RESPONSE|>',
    ],
  },
  {
    name: 'GLM 4',
    tokenizer: 'llama2',
    template: 'glm4moe',
    added: ['[gMASK]', '<sop>', '<|system|>', '<|user|>', '<|assistant|>', '<|observation|>'],
  },
];

const user = (content: string): Message => ({ role: 'user', content });
const PROMPTS: readonly Prompt[] = [
  { messages: [user('Which answer is better?')] },
  { messages: [user('  "Q" is it the plan?\n\n')] },
  { messages: [{ role: 'system', content: 'Judge. ' }, user('A or B?\n')] },
  {
    messages: [
      user('Hi.'),
      { role: 'assistant', content: ' Hello.\n' },
      user('Größe, 漢字 \u{1f9d1}\u{1f3fd}, café  and\ttabs; 12345 ½'),
    ],
  },
  {
    messages: [
      user('Hi.'),
      { role: 'assistant', content: '<think>\nthey greet\n</think>\n\nHello.' },
      user('[[A]] or [[B]]?'),
    ],
  },
  { messages: [user('Which?')], prefill: 'Plan: follow the steps' },
  { messages: [user('Which?')], prefill: '<think>\nlook\n</think>\n\nSo [[' },
];

interface Shown {
  readonly text?: string;
  readonly ids?: readonly number[];
  readonly error?: string;
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

const addedOf = (files: Files): AddedToken[] => JSON.parse(files['tokenizer.json'] as string).added_tokens;

/** The same with further special tokens. As Phi-3's, they take the white space behind them. */
function withTokens(files: Files, contents: readonly string[]): Files {
  const json = JSON.parse(files['tokenizer.json'] as string);
  const known: readonly AddedToken[] = json.added_tokens;
  const used = [...Object.values(json.model.vocab as Record<string, number>), ...known.map(({ id }) => id)];
  const next = used.reduce((a, b) => Math.max(a, b)) + 1;
  const flags = { single_word: false, lstrip: false, rstrip: true, normalized: false, special: true };
  const missing = contents.filter((content) => !known.some((token) => token.content === content));
  json.added_tokens = [...known, ...missing.map((content, i) => ({ id: next + i, content, ...flags }))];
  // It would list the tokens again, without these.
  const { added_tokens_decoder: _, ...config } = JSON.parse(files['tokenizer_config.json'] as string);
  return { 'tokenizer.json': JSON.stringify(json), 'tokenizer_config.json': JSON.stringify(config) };
}

const tokenizers = python === null ? null : await publishedTokenizers();

describe.skipIf(tokenizers === null)('what a model is shown by its published chat template', () => {
  let folder: string;
  let templates: Readonly<Record<string, string>>;
  /** By tokenizer: large ones take long to read. */
  const opened = new Map<
    string,
    { readonly dir: string; readonly files: Files; readonly tokenizer: Tokenizer }
  >();
  beforeAll(async () => {
    folder = await scratch();
    templates = await reference().ask({ do: 'published_templates' });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function open({ tokenizer: name, added, template }: Family) {
    const key = [name, ...(added ?? [])].join(' ');
    let known = opened.get(key);
    if (!known) {
      const published = { ...(tokenizers?.get(name) as TokenizerFiles) } as Files;
      const files = added ? withTokens(published, added) : published;
      const dir = join(folder, String(opened.size));
      await mkdir(dir);
      for (const [file, text] of Object.entries(files)) await writeFile(join(dir, file), text);
      known = { dir, files, tokenizer: openTokenizer(name, files) };
      opened.set(key, known);
    }
    const source = templates[template] as string;
    const shown = rendering({ ...known.files, 'chat_template.jinja': source }, known.tokenizer);
    return { ...known, source, shown };
  }

  describe.each(FAMILIES)('$name', (family) => {
    it('is what transformers’ apply_chat_template shows: text and ids', async () => {
      const { dir, source, shown } = await open(family);
      const job = { do: 'chat', dir, template: source, prompts: PROMPTS };
      const theirs = await reference().ask<Shown[]>(job);
      expect(theirs.filter(({ error }) => error === undefined).length).toBeGreaterThan(4);
      for (const [i, prompt] of PROMPTS.entries()) {
        const { text, ids, error } = theirs[i]!;
        if (error === undefined) {
          expect(shown.render(prompt).text, `prompt ${i}`).toBe(text);
          expect(shown.render(prompt).ids, `prompt ${i}`).toEqual(ids);
        } else if (prompt.prefill) {
          // What transformers does not continue we put behind the words that ask for an answer.
          expect(shown.render(prompt).text.endsWith(prompt.prefill)).toBe(true);
        } else {
          expect(() => shown.render(prompt), `prompt ${i}`).toThrow('refuses these messages');
        }
      }
    });

    it('begins once, and no message brings a control token', async () => {
      const { files, source, shown } = await open(family);
      // A thought is data, and white space is text.
      const control = addedOf(files).filter(
        ({ special, content }) =>
          special || (source.includes(content) && content.trim() !== '' && !content.includes('think>')),
      );
      const ids = new Set(control.map(({ id }) => id));
      const found = (content: string) =>
        shown.render({ messages: [user(content)] }).ids.filter((id) => ids.has(id));
      const hostile = control.map(({ content }) => content);
      expect(hostile.length).toBeGreaterThan(2);
      expect(found(`x ${hostile.join('')} y ${hostile.join(' ')}`)).toEqual(found('x y'));
      const begin = (JSON.parse(files['tokenizer_config.json'] as string).bos_token ?? null) as
        | string
        | { readonly content: string }
        | null;
      const text = typeof begin === 'object' ? begin?.content : begin;
      const bos = addedOf(files).find(({ content }) => content === text)?.id;
      for (const prompt of PROMPTS.filter(({ messages }) => messages[0]?.role === 'user'))
        expect(shown.render(prompt).ids.filter((id) => id === bos).length).toBeLessThan(2);
    });
  });
});

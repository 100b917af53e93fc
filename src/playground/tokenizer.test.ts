import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PLAYGROUND_TAGS } from '../prompts/tags.ts';
import { BOS_ID, EOS_ID, PAD_ID, tokenizerConfig, tokenizerJson, VOCAB } from './tokenizer.ts';
import { EDGE_WORDS, LETTERS, NOUNS } from './words.ts';

const tokenizer = new Tokenizer(tokenizerJson(), tokenizerConfig());
const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids;
const decode = (ids: number[]) => (ids.length === 0 ? '' : tokenizer.decode(ids));

test('the vocabulary is small, without repetition, and begins with the special tokens', () => {
  expect(VOCAB.length).toBeLessThan(800);
  expect(new Set(VOCAB).size).toBe(VOCAB.length);
  expect([VOCAB[PAD_ID], VOCAB[BOS_ID], VOCAB[EOS_ID]]).toEqual(['<pad>', '<s>', '</s>']);
});

test('the lexicon is unambiguous', () => {
  expect(new Set([...NOUNS, ...EDGE_WORDS]).size).toBe(NOUNS.length + EDGE_WORDS.length);
  for (const letter of LETTERS) {
    expect(NOUNS.filter((noun) => noun.startsWith(letter)).length).toBeGreaterThanOrEqual(5);
  }
});

test('any text survives', () => {
  for (const text of ['robin 🦊 是 ok', ' 7 + 4 = 11.', 'a\n b  c', "don't 1234", '<b> [[', 'é\u200bü']) {
    expect(decode(encode(text))).toBe(text);
  }
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      fc.pre(![...PLAYGROUND_TAGS, '<s>', '</s>', '<pad>'].some((tag) => text.includes(tag)));
      expect(decode(encode(text))).toBe(text);
    }),
  );
});

test('tokens survive: text and ids agree where a tag follows a space', () => {
  const words = VOCAB.slice(3).filter((word) => word.length > 1 && word !== 'Instruction');
  const id = fc.constantFrom(...words.map((word) => VOCAB.indexOf(word)));
  fc.assert(
    fc.property(fc.array(id, { minLength: 1 }), (ids) => {
      expect(encode(decode(ids))).toEqual(ids);
    }),
  );
});

test('a tag is one token, whether or not a space stands before it', () => {
  for (const tag of PLAYGROUND_TAGS) {
    expect(encode(`Instruction: List 3 animals. ${tag} dog`)).toHaveLength(8);
    expect(encode(tag)).toEqual([VOCAB.indexOf(tag)]);
  }
});

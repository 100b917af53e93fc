import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { tokenizer } from '../src/model/local/tokenizer.ts';
import { reference, scratch } from './reference.ts';

const python = inject('python');
const SEED = join(import.meta.dirname, '..', 'seed');

/** Where tokenisers differ if they do: white space, marks, scripts, code points of every length in UTF-8. */
const EDGES = [
  '',
  ' ',
  '\n',
  ' \t\r\n\r\n  \u00a0 a',
  'a  b   c    d',
  "I'M it's WE'LL don’t 'tis",
  '1234567 12.5 −3 ½ ² Ⅷ ٣',
  'naïve café cafe\u0301 \u0301 ﬁ',
  'Ünïcödé straße İstanbul ΣΊΣΥΦΟΣ',
  '漢字かな交じり文 한국어 ภาษาไทย',
  'עברית العربية \u200f\u200e\u202e',
  '👍 👩‍👩‍👧‍👦 🏳️‍🌈 🇦🇺 \u{1f9d1}\u{1f3fd}',
  '\u0000\u0001\u007f\u0085\u00ad\ufeff\ufffd\uffff',
  '\u2028\u2029\u200b\u200d',
  '\u{10ffff} \u{e0001} 𝔸𝕓',
  '</s> <s><pad> <|eot_id|> <| eot_id |>',
  '[[A]] <plan>x</plan> ^&*()_+{}|:"<>?`~',
  'x'.repeat(300),
];

interface Tokenised {
  readonly ids: readonly (readonly number[])[];
  readonly texts: readonly string[];
}

async function expectSame(dir: string, texts: readonly string[]): Promise<void> {
  const read = async (name: string) => JSON.parse(await readFile(join(dir, name), 'utf8'));
  const ours = tokenizer(await read('tokenizer.json'), await read('tokenizer_config.json'));
  const theirs = await reference().ask<Tokenised>({ do: 'tokenize', dir, texts });
  for (const [i, text] of texts.entries()) {
    const ids = ours.encode(text);
    expect(ids, JSON.stringify(text)).toEqual(theirs.ids[i]);
    expect(ours.decode(ids), JSON.stringify(text)).toBe(theirs.texts[i]);
  }
}

describe.skipIf(python === null)('AutoTokenizer gives the same ids and texts', () => {
  let folder: string;
  let pairs: string[];
  beforeAll(async () => {
    folder = await scratch();
    const lines = (await readFile(join(SEED, 'heldout', 'dev.jsonl'), 'utf8')).trim().split('\n');
    pairs = lines.slice(0, 200).flatMap((line) => {
      const { instruction, chosen, rejected } = JSON.parse(line);
      return [instruction, chosen, rejected] as string[];
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('for the seed model', () => expectSame(join(SEED, 'model'), [...pairs, ...EDGES]));

  it('for a byte-level BPE such as Llama 3’s', async () => {
    const dir = join(folder, 'bpe');
    await reference().ask({ do: 'make_tokenizer', dir, texts: pairs, size: 600 });
    await expectSame(dir, [...pairs, ...EDGES]);
  });
});

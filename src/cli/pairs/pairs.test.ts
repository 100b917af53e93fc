import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playgroundInstructions } from '../../playground/source.ts';
import { readRows } from '../../rows/read.ts';
import { readStore } from '../../store/ledger.ts';
import type { ResponsePair } from '../../types.ts';
import { run } from '../run.contract.ts';
import type { PairsReport } from './text.ts';

const SEED_MODEL = join(import.meta.dirname, '../../../seed/model');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pairs-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

const pairs = (...args: string[]) => run('pairs', ...args);

async function pairsOf(file: string): Promise<ResponsePair[]> {
  const found: ResponsePair[] = [];
  for await (const { value } of readRows(file)) found.push(value as ResponsePair);
  return found;
}

const SOLVED = {
  question: 'What is 2 + 3?',
  ground_truth: 'A: 5',
  first: { solution: '2 + 3 = <<2+3=5>>5\nA: 5', is_correct: true },
  second: { solution: '2 * 3 = 6\nA: 6', is_correct: false },
  third: { solution: '2 + 3 = 5.0\nA: 5.0', is_correct: true },
  fourth: { solution: '2 + 3 = ', is_correct: false },
};

describe('pairs', () => {
  test.each(['out.jsonl', 'out.parquet'])('right × wrong solutions of a data set, as %s', async (name) => {
    const source = write(
      'solved.jsonl',
      lines([SOLVED, { ...SOLVED, question: 'Another: 1 + 4?', first: undefined, third: undefined }]),
    );
    const out = join(folder, name);
    const { code, out: text } = await pairs(source, '--from', 'gsm8k-solutions', '--out', out, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      rows: { read: 2, kept: 2, left: {} },
      instructions: { read: 2, kept: 1, left: { 'no right solution': 1 } },
      pairs: 4,
    } satisfies Partial<PairsReport>);
    const made = await pairsOf(out);
    expect(new Set(made.map(({ chosen, rejected }) => `${chosen.at(-1)} ${rejected.at(-1)}`))).toEqual(
      new Set(['5 6', '5  ', '0 6', '0  ']),
    );
    expect(made[0]).toMatchObject({
      domain: 'math',
      instruction: 'What is 2 + 3?',
      provenance: { right: 2, wrong: 2 },
    });
    expect(readdirSync(folder).filter((file) => file.includes('draft'))).toEqual([]);
  });

  test('to stdout, capped for each problem; the account goes to stderr', async () => {
    const { out, err } = await pairs(write('s.jsonl', lines([SOLVED])), '--per-instruction', '2');
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as ResponsePair).domain),
    ).toEqual(['math', 'math']);
    expect(err).toMatch(/2 {2}pairs\n$/);
  });

  test('a model answers, modifies and solves; what is in the ledger is not asked for again', async () => {
    const general = [...playgroundInstructions('train', 'general', 3).take(12)].map(({ text }) => ({
      instruction: text,
    }));
    const math = [...playgroundInstructions('train', 'math', 3).take(12)].map(({ text, answer }) => ({
      instruction: text,
      gold: answer,
    }));
    const out = join(folder, 'made.jsonl');
    const args = ['--model', SEED_MODEL, '--max-tokens', '40', '--near-duplicates', 'off', '--out', out];
    const fields = ['--fields', 'instruction=instruction,answer=gold'];
    const { code, out: text } = await pairs(
      write('g.jsonl', lines([...general, ...math])),
      ...fields,
      ...args,
    );
    expect(code, text).toBe(0);
    const first = readFileSync(out, 'utf8');
    const made = await pairsOf(out);
    expect(new Set(made.map(({ domain }) => domain))).toEqual(new Set(['general', 'math']));
    for (const { chosen, rejected } of made) expect(chosen).not.toBe(rejected);
    expect(existsSync(`${out}.db`)).toBe(true);
    rmSync(out);
    const generations = () => {
      using store = readStore(`${out}.db`);
      return store.counts();
    };
    const before = generations();
    await pairs(join(folder, 'g.jsonl'), ...fields, ...args);
    expect(readFileSync(out, 'utf8')).toBe(first);
    expect(generations()).toEqual(before);
  });

  test('what repeats a benchmark is left out, and counted by benchmark', async () => {
    const asked = 'Explain in a few short sentences why the sky looks blue at noon and red in the evening.';
    mkdirSync(join(folder, 'benchmarks'));
    write('benchmarks/natural.jsonl', lines([{ input: asked, output_1: 'x', output_2: 'y', label: 1 }]));
    const own = (instruction: string) => ({ instruction, chosen: `${instruction} Yes.`, rejected: 'no' });
    const source = write(
      'repeats.jsonl',
      lines([own(asked), own(`${asked} In verse.`), own('Name a bird.')]),
    );
    const out = join(folder, 'clean.jsonl');
    const args = ['--benchmarks', join(folder, 'benchmarks'), '--max-length-ratio', '99', '--out', out];
    const { out: text } = await pairs(source, ...args, '--json');
    expect(JSON.parse(text)).toMatchObject({
      benchmarks: { llmbar: 1 },
      rows: { read: 3, kept: 1, left: { 'repeats llmbar': 2 } },
      pairs: 1,
    });
    expect((await pairsOf(out)).map(({ instruction }) => instruction)).toEqual(['Name a bird.']);
    expect((await pairs(source, ...args)).out).toContain('prompts were looked for: llmbar 1');
    expect(await pairs(source, '--benchmarks', join(folder, 'none'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('is no folder'),
    });
  });

  test('every row is a pair or counted by its reason: second fields, empty answers, ties, conversations that part', async () => {
    const own = { instruction: 'Translate.', chosen: 'El perro come.', rejected: 'El gato come.' };
    const turns = (asked: string, said: string) => [
      { role: 'user', content: asked },
      { role: 'assistant', content: said },
    ];
    const source = write(
      'kinds.jsonl',
      lines([
        { ...own, input: 'The dog eats.' },
        { ...own, input: 'They sell fish on Friday.' },
        {
          instruction: 'Say it at length.',
          chosen: 'A sentence of more than forty characters.',
          rejected: '',
        },
        { instruction: 'Say nothing.', chosen: '', rejected: ' ' },
        { instruction: 'Name a lake.', a: 'a stone', b: 'Garda', winner: 'model_b' },
        { instruction: 'Name a sea.', a: 'x', b: 'y', winner: 'tie (bothbad)' },
        { prompt: turns('Two rivers?', '').slice(0, 1), chosen: 'Rhine, Elbe', rejected: 'Rhine' },
        { chosen: turns('Legs of an ant?', 'Six.'), rejected: turns('Legs of a crab?', 'Ten.') },
      ]),
    );
    const out = join(folder, 'kinds.out.jsonl');
    const { code, out: text } = await pairs(source, '--out', out, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      rows: { read: 8, kept: 6, left: { tie: 1, 'conversations part before the last answer': 1 } },
      instructions: { read: 6, kept: 5, left: { 'same response': 1 } },
    });
    expect(
      (await pairsOf(out)).map(({ instruction, chosen, rejected }) => [instruction, chosen, rejected]),
    ).toEqual([
      ['Translate.\n\nThe dog eats.', 'El perro come.', 'El gato come.'],
      ['Translate.\n\nThey sell fish on Friday.', 'El perro come.', 'El gato come.'],
      ['Say it at length.', 'A sentence of more than forty characters.', ''],
      ['Name a lake.', 'Garda', 'a stone'],
      ['Two rivers?', 'Rhine, Elbe', 'Rhine'],
    ]);
  });

  test('the set’s own pairs are checked', async () => {
    const row = (chosen: string, rejected: string) => ({
      prompt: `${chosen} or ${rejected}?`,
      chosen,
      rejected,
    });
    const long = 'This is a sentence in plain English about the weather. '.repeat(9);
    const source = write(
      'own.jsonl',
      lines([
        row('yes', 'no'),
        row('Yes', ' yes '),
        row(long, 'no'),
        row(
          'It is raining hard today, so take your umbrella with you.',
          'Es regnet heute sehr stark, also nimm bitte deinen Schirm mit.',
        ),
      ]),
    );
    const { out } = await pairs(source, '--out', join(folder, 'own.out.jsonl'), '--json');
    expect((JSON.parse(out) as PairsReport).instructions).toEqual({
      read: 4,
      kept: 1,
      left: { 'same response': 1, 'lengths too different': 1, 'language changed': 1 },
    });
  });
});

describe('bad input', () => {
  const good = JSON.stringify(SOLVED);
  test('rows that cannot be read are told with their place and left out, or end the command; nothing is lost in the account', async () => {
    const source = write(
      'bad.jsonl',
      Buffer.concat([
        Buffer.from(`${good}\n{"question": \n`),
        Buffer.from([0xff, 0xfe, 10]),
        Buffer.from(`[1]\n{"x": 1}\n`),
      ]),
    );
    const out = join(folder, 'bad.out.jsonl');
    const { code, out: text, err } = await pairs(source, '--on-error', 'skip', '--out', out, '--json');
    expect(code).toBe(0);
    expect((JSON.parse(text) as PairsReport).rows).toEqual({
      read: 5,
      kept: 1,
      left: { unreadable: 2, 'not an instruction': 2 },
    });
    for (const line of [2, 3, 4, 5]) expect(err).toContain(`left out: bad.jsonl, line ${line} `);
    rmSync(out);
    const stopped = await pairs(source, '--out', out);
    expect(stopped).toMatchObject({ code: 2, err: expect.stringContaining('bad.jsonl, line 2 is not JSON') });
    expect(existsSync(out) || existsSync(`${out}.draft`)).toBe(false);
  });

  test('files cut in half end the command, or are told with their place and counted, and the next file is read', async () => {
    const parquet = join(folder, 'whole.parquet');
    await pairs(write('w.jsonl', lines([SOLVED])), '--out', parquet);
    truncateSync(parquet, 200);
    const gzip = write('half.jsonl.gz', gzipSync(`${good}\n`.repeat(50)).subarray(0, 120));
    const whole = write('beside.jsonl', `${good}\n`);
    for (const source of [parquet, gzip]) {
      const out = join(folder, 'none.jsonl');
      const stopped = await pairs(source, whole, '--out', out);
      expect(stopped.code).toBe(2);
      expect(stopped.err).toMatch(/error: .* is damaged.*: .*\nfix: fetch or write the file again/);
      expect(existsSync(out)).toBe(false);

      const {
        code,
        out: text,
        err,
      } = await pairs(source, whole, '--out', out, '--on-error', 'skip', '--json');
      expect(code).toBe(0);
      expect(err).toMatch(/left out: .* is damaged/);
      const { rows } = JSON.parse(text) as PairsReport;
      expect(rows.left.unreadable).toBe(1);
      expect(rows.read).toBe(rows.kept + Object.values(rows.left).reduce((sum, n) => sum + n, 0));
      expect(rows.kept).toBe(1);
      rmSync(out);
    }
  });

  test.each([
    [[], 'there is no source of instructions'],
    [['nowhere.jsonl'], 'cannot read nowhere.jsonl'],
    [['*.nothing'], 'no data file matches *.nothing'],
    [['x', '--from', 'nope'], 'Allowed choices are wildchat'],
    [['x', '--fields', 'question=q'], 'question is none of'],
    [['x', '--categories', 'reasoning,foo'], 'There is no category foo'],
    [['x', '--near-duplicates', '2'], 'It has to be a number from 0 to 1'],
  ])('%j', async (args, message) => {
    const { code, err } = await pairs(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).toMatch(/\nfix: .+\n$/);
  });

  test('needs a model only where rows do', async () => {
    const { code, err } = await pairs(write('need.jsonl', lines([{ prompt: 'Name a bird.' }])));
    expect(code).toBe(2);
    expect(err).toContain('these rows need a model');
    const empty = await pairs(write('empty.jsonl', ''));
    expect(empty).toMatchObject({ code: 2, err: expect.stringContaining('holds no rows') });
    const wrongName = await pairs(join(folder, 'need.jsonl'), '--out', join(folder, 'x.txt'));
    expect(wrongName.err).toContain('name it .jsonl or .parquet');
  });

  test('a source is never overwritten, and a place that cannot be written is told', async () => {
    const source = write('kept.jsonl', lines([SOLVED]));
    const before = readFileSync(source, 'utf8');
    expect(await pairs(source, '--out', source)).toMatchObject({
      code: 2,
      err: expect.stringContaining('would overwrite a source'),
    });
    expect(readFileSync(source, 'utf8')).toBe(before);
    for (const out of [join(source, 'x.jsonl'), join(folder, 'folder.jsonl')]) {
      mkdirSync(join(folder, 'folder.jsonl'), { recursive: true });
      const { code, err } = await pairs(source, '--out', out);
      expect(code).toBe(3);
      expect(err).toMatch(/^error: (?!this is a bug)/m);
    }
    expect(readdirSync(folder).filter((name) => name.endsWith('.draft'))).toEqual([]);
  });

  test('pairs that are read again keep their domain, their family and their conversation', async () => {
    const once = join(folder, 'once.jsonl');
    await pairs(write('again.jsonl', lines([SOLVED])), '--per-instruction', '1', '--out', once);
    const { out } = await pairs(once);
    expect(JSON.parse(out)).toMatchObject({ domain: 'math', family: 'gsm8k' });
    expect(JSON.parse((await pairs(once, '--kind', 'general')).out)).toMatchObject({ domain: 'general' });

    const conversation = ['Hi', 'Hello', 'Name a bird.'].map((content, i) => ({
      role: i === 1 ? 'assistant' : 'user',
      content,
    }));
    const chosen = [...conversation, { role: 'assistant', content: 'owl' }];
    const rejected = [...conversation, { role: 'assistant', content: 'stone' }];
    const chats = join(folder, 'chats.jsonl');
    await pairs(write('chat.jsonl', lines([{ chosen, rejected }])), '--out', chats);
    const [before] = await pairsOf(chats);
    expect(JSON.parse((await pairs(chats)).out)).toEqual(before);
  });
});

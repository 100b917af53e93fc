import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readRows } from '../rows/read.ts';
import { type CardFile, cardText } from './card.ts';
import { exportRows } from './export.ts';
import { datasetInfo, EXPORT_FORMATS, exportedRow } from './formats.ts';
import { judgeRows } from './rows.contract.ts';
import { type TrainingRow, trainingRow } from './training-row.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'export-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function* sourced(rows: readonly unknown[]) {
  for (const [i, value] of rows.entries()) yield { value, file: 'rows', at: `rows.jsonl, line ${i + 1}` };
}
const CHAT = { format: 'trl', style: 'chat' } as const;
const sft: TrainingRow = { kind: 'sft', prompt: 'p', completion: 'c [[A]]' };
const dpo: TrainingRow = { kind: 'dpo', prompt: 'p', chosen: 'c [[A]]', rejected: 'r [[B]]' };

describe('rows as the documents of each trainer show them', () => {
  const user = [{ role: 'user', content: 'p' }];
  const assistant = (content: string) => [{ role: 'assistant', content }];

  it.each([
    [
      'trl',
      'text',
      { prompt: 'p', completion: 'c [[A]]' },
      { prompt: 'p', chosen: 'c [[A]]', rejected: 'r [[B]]' },
    ],
    [
      'trl',
      'chat',
      { prompt: user, completion: assistant('c [[A]]') },
      { prompt: user, chosen: assistant('c [[A]]'), rejected: assistant('r [[B]]') },
    ],
    [
      'openrlhf',
      'chat',
      { prompt: user, completion: assistant('c [[A]]') },
      { prompt: user, chosen: assistant('c [[A]]'), rejected: assistant('r [[B]]') },
    ],
    [
      'llama-factory',
      'chat',
      { instruction: 'p', input: '', output: 'c [[A]]' },
      { instruction: 'p', input: '', chosen: 'c [[A]]', rejected: 'r [[B]]' },
    ],
    [
      'together',
      'chat',
      { messages: [...user, ...assistant('c [[A]]')] },
      {
        input: { messages: user },
        preferred_output: assistant('c [[A]]'),
        non_preferred_output: assistant('r [[B]]'),
      },
    ],
  ] as const)('%s, %s', (format, style, ofSft, ofDpo) => {
    expect(exportedRow(sft, format, style)).toEqual(ofSft);
    expect(exportedRow(dpo, format, style)).toEqual(ofDpo);
  });

  it('LLaMA-Factory finds each column that its entry names in the rows', () => {
    for (const row of [sft, dpo]) {
      const info = datasetInfo('x.jsonl', row.kind) as { columns: Record<string, string>; ranking?: boolean };
      expect(Object.values(info.columns).sort()).toEqual(
        Object.keys(exportedRow(row, 'llama-factory', 'chat')).sort(),
      );
      expect(info.ranking).toBe(row.kind === 'dpo' ? true : undefined);
    }
  });
});

describe('exportRows', () => {
  it.each(['jsonl', 'parquet'])('what was written reads back as it was, %s', async (extension) => {
    const rows = Array.from({ length: 200 }, () => judgeRows('published')).flat();
    for (const style of ['chat', 'text'] as const) {
      const path = join(folder, `${style}.${extension}`);
      const written = await exportRows(sourced(rows), path, { format: 'openrlhf', style });
      expect(written).toMatchObject({ kind: 'dpo', rows: 1200, verdicts: { A: 600, B: 600, none: 0 } });
      const back: TrainingRow[] = [];
      for await (const row of readRows(path)) back.push(trainingRow(row));
      expect(back).toEqual(rows.map((row) => ({ kind: 'dpo', ...row })));
    }
  });

  const good = { prompt: 'p', completion: 'c' };
  it.each([
    ['no object', [good, 7], 'rows.jsonl, line 2 is not an object'],
    ['no prompt', [{ completion: 'c' }], 'line 1 has no prompt'],
    ['an empty completion', [good, { prompt: 'p', completion: ' ' }], 'line 2 has no text in completion'],
    ['a pair', [{ instruction: 'i', chosen: 'c', rejected: 'r' }], 'line 1 is a response pair'],
    ['no rejected', [{ prompt: 'p', chosen: 'c' }], 'line 1 has no rejected'],
    ['a number', [{ prompt: 1, completion: 'c' }], 'line 1 has no text in prompt, but 1'],
    [
      'another turn',
      [{ prompt: [{ content: 'a' }, { content: 'b' }], completion: 'c' }],
      'line 1 has a turn 1 in prompt that is not {role, content}',
    ],
    [
      'both kinds',
      [good, { prompt: 'p', chosen: 'c', rejected: 'r' }],
      'line 2 is a row of dpo, and those before',
    ],
    ['nothing', [], 'there are no rows for x.jsonl'],
  ])('%s is an error that says where, and leaves no file', async (_, rows, message) => {
    const write = exportRows(sourced(rows), join(folder, 'x.jsonl'), CHAT);
    await expect(write).rejects.toMatchObject({ code: 'data', message: expect.stringContaining(message) });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses what a trainer would not read', async () => {
    for (const [format, style, name] of [
      ['together', 'chat', 'x.parquet'],
      ['together', 'text', 'x.jsonl'],
      ['llama-factory', 'text', 'x.jsonl'],
    ] as const)
      await expect(exportRows(sourced([good]), join(folder, name), { format, style })).rejects.toMatchObject({
        code: 'usage',
      });
  });

  it('is stopped between two rows, and an earlier file of that name stays', async () => {
    const path = join(folder, 'x.jsonl');
    await exportRows(sourced([good]), path, CHAT);
    const before = readFileSync(path, 'utf8');
    const controller = new AbortController();
    const onRow = () => controller.abort(new Error('stopped'));
    const options = { ...CHAT, signal: controller.signal, onRow };
    await expect(exportRows(sourced([good, good, good]), path, options)).rejects.toThrow('stopped');
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['x.jsonl']);
  });
});

describe('the card', () => {
  const file = (name: string, rows: number, more: Partial<CardFile> = {}): CardFile => ({
    file: name,
    kind: 'dpo',
    rows,
    bytes: 12,
    sha256: 'a'.repeat(64),
    verdicts: { A: 1, B: 2, none: 0 },
    ...CHAT,
    licence: null,
    made: [],
    ...more,
  });
  const card = (files: readonly CardFile[], title = 't') => cardText({ title, files });
  const front = (text: string) => parse(text.split('---\n')[1] as string);

  it('has the front matter of the Hub, with a config for each file', () => {
    const licence = 'odc-by';
    const files = [file('sft.jsonl', 900, { licence }), file('dpo-1.jsonl', 200, { licence })];
    expect(front(card(files, 'Judge'))).toMatchObject({
      license: 'odc-by',
      pretty_name: 'Judge',
      size_categories: ['1K<n<10K'],
      configs: [
        { config_name: 'sft', data_files: [{ split: 'train', path: 'sft.jsonl' }] },
        { config_name: 'dpo-1', data_files: [{ split: 'train', path: 'dpo-1.jsonl' }] },
      ],
    });
  });

  it.each([
    [999, 'n<1K'],
    [1000, '1K<n<10K'],
    [869_160, '100K<n<1M'],
    [2e9, 'n>1B'],
  ])('%i rows are %s', (rows, category) => {
    expect(front(card([file('x.jsonl', rows)])).size_categories).toEqual([category]);
  });

  it('names that are hostile stay names', () => {
    const title = 'x"\n---\nlicense: mit\n# <script>alert(1)</script> [a](javascript:b) `c` \u2028';
    const text = card([file('a"b|<i>.jsonl', 3, { made: [['a\n## b', '| <img src=x>']] })], title);
    const { license, pretty_name: name, configs } = front(text);
    expect(license).toBe('unknown');
    expect(name).toBe(title.replace('\u2028', ' '));
    expect(configs[0].data_files[0].path).toBe('a"b|<i>.jsonl');
    const body = text.slice(text.indexOf('\n---\n\n#')).replace(/```[\s\S]*?```/g, '');
    expect(body.match(/^#+ .*$/gm)?.map((line) => line.slice(0, 8))).toEqual([
      '# x" ---',
      '## Use',
      '## How i',
      '## Licen',
    ]);
    expect(body).not.toMatch(/(?<!\\)<(?:script|img|i)/);
    expect(body).not.toMatch(/(?<!\\)\[a(?!rXiv)/);
  });

  it('says what was found of the chat template and by the audit', () => {
    const check = { longest: 9, tokens: 20, completions: 3, whole: 2, faults: { 'it is cut': 1 } };
    const text = card([file('dpo-1.jsonl', 12, { check, audit: 'Clean.' })]);
    expect(text).toContain('2 of 3 completions lie whole in the loss mask');
    expect(text).toContain('- 1: it is cut');
    expect(text).toContain('## Audit\n\n### dpo-1.jsonl\n\nClean.');
  });

  it('says once what holds for all files, and of each what holds for it', () => {
    const files = [
      file('sft.jsonl', 9, { licence: 'mit', made: [['Sources', 'a']] }),
      file('sft.parquet', 9, { licence: 'odc-by', made: [['Sources', 'b']], format: 'openrlhf' }),
      file('dpo-1.jsonl', 9, { licence: 'mit', made: [['Sources', 'a']] }),
    ];
    const text = card(files);
    expect(front(text).license).toEqual(['mit', 'odc-by']);
    expect(front(text).configs.map((config: { config_name: string }) => config.config_name)).toEqual([
      'sft.jsonl',
      'sft.parquet',
      'dpo-1',
    ]);
    expect(text).toContain('sft.jsonl, dpo-1.jsonl:\n\n- Sources: a\n\nsft.parquet:\n\n- Sources: b');
    expect(front(card([...files, file('x.jsonl', 1)])).license).toBe('unknown');
  });

  it('tells each trainer how to read the file', () => {
    for (const format of EXPORT_FORMATS)
      expect(card([file('dpo-1.jsonl', 12, { format })])).toMatch(/```\n[^`]*dpo-1/);
  });
});

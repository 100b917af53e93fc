import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addsInt8 } from '../../engine/quantization-check.ts';
import { main as cli } from '../main.ts';

/** Where a test names no judge, the seed model plays. */
const main = (args: readonly string[]) => {
  const named = ['--model', '--verdicts', 'compare'].some((word) => args.includes(word));
  return cli(named ? args : [...args, '--model', 'playground']);
};

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

let out = '';
let complaints = '';
beforeEach(() => {
  [out, complaints] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text, done?: unknown) => {
    out += String(text);
    if (typeof done === 'function') done();
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaints += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

const write = (name: string, rows: readonly unknown[], end = '') => {
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join('') + end);
  return join(folder, name);
};
const pairs = Array.from({ length: 10 }, (_, i) => ({
  id: i,
  instruction: `x${i}`,
  a: 'yes',
  b: 'no',
  label: 'A',
}));
const data = write('pairs.jsonl', pairs);
const verdicts = write(
  'verdicts.jsonl',
  pairs.flatMap(({ id }) => [
    { id, order: 'ab', verdict: 'A' },
    { id, order: 'ba', verdict: id < 6 ? 'B' : 'A' },
  ]),
);

it('scores a file of verdicts as a table, Markdown and JSON', async () => {
  expect(await main(['bench', 'custom', '--data', data, '--verdicts', verdicts])).toBe(0);
  expect(out).toMatch(/^your own pairs: 80\.0 \(95 % /);
  expect(out).toMatch(/both orders right +60\.0/);
  out = '';
  await main(['bench', 'custom', '--data', data, '--verdicts', verdicts, '--markdown']);
  expect(out.split('\n')[2]).toMatch(/^\| your own pairs \| 10 \| 80\.0 /);
  out = '';
  await main(['bench', 'custom', '--data', data, '--verdicts', verdicts, '--limit', '6', '--json']);
  expect(JSON.parse(out).benchmarks[0]).toMatchObject({
    name: 'custom',
    judged: 6,
    official: { score: 1 },
    bothOrders: 1,
    flipRate: 0,
  });
});

it('tells one pair, one choice and one generation as one', async () => {
  const one = write('one.jsonl', pairs.slice(0, 1));
  const choice = { id: 1, instruction: 'Count down from 3 to 1.', responses: ['3 2 1', '1 2'], best: 0 };
  const [pair, k, play] = ['one-pair', 'one-choice', 'one-play'].map((name) => join(folder, name));
  const said = write('said-one.jsonl', [
    { id: 0, order: 'ab', verdict: 'A' },
    { id: 0, order: 'ba', verdict: 'B' },
  ]);
  const saidK = write('said-k.jsonl', [{ id: 1, verdict: 'A' }]);
  expect(await main(['bench', 'custom', '--data', one, '--verdicts', said, '--out', `${pair}`])).toBe(0);
  expect(
    await main([
      'bench',
      'custom-k',
      '--data',
      write('one-k.jsonl', [choice]),
      '--verdicts',
      saidK,
      '--out',
      `${k}`,
    ]),
  ).toBe(0);
  expect(await main(['bench', 'playground', '--limit', '1', '--out', `${play}`])).toBe(0);
  expect(await main(['bench', 'compare', `${pair}`, `${pair}`])).toBe(0);
  const pages = [pair, k, play].map((run) => readFileSync(join(`${run}`, 'report.html'), 'utf8'));
  expect(`${out}${complaints}${pages}`).not.toMatch(
    /(?<![\d.,])1 (?:pairs|choices|prompts|verdicts|generations)/,
  );
});

it('has no share of first slots where no verdict names one', async () => {
  const ties = pairs.map(({ id }) => ({ id, order: 'ab', verdict: 'tie' }));
  const run = join(folder, 'ties');
  const args = ['bench', 'custom', '--data', data, '--verdicts', write('ties.jsonl', ties), '--out', run];
  expect(await main(args)).toBe(0);
  expect(out).toMatch(/names the first slot +– {2}no verdict names a slot\n/);
  expect(readFileSync(join(run, 'report.html'), 'utf8')).toMatch(/Names the first slot<\/th><td>–/);
  out = '';
  await main([...args, '--markdown']);
  expect(out.split('\n')[2]).toMatch(/\| – \| 100\.0 \|$/);
  out = '';
  await main([...args, '--json']);
  expect(JSON.parse(out).benchmarks[0].firstSlot).toBeNull();
});

it('is a gate for CI', async () => {
  const gate = (least: string) =>
    main(['bench', 'custom', '--data', data, '--verdicts', verdicts, '--fail-under', least]);
  expect(await gate('0.8')).toBe(0);
  expect(await gate('0.81')).toBe(1);
  expect(complaints).toMatch(/your own pairs scored 0\.8000, below --fail-under 0\.81/);
});

it.each<[string, readonly string[], RegExp]>([
  [
    'an unknown benchmark',
    ['poems', '--data', data, '--verdicts', verdicts],
    /no benchmark called poems\nfix: choose one of/,
  ],
  ['two of them', ['custom', 'llmbar', '--data', data, '--verdicts', verdicts], /belongs to one benchmark/],
  [
    'a folder without it',
    ['llmbar', '--data', folder, '--verdicts', verdicts],
    /holds no files of LLMBar\nfix: name a file/,
  ],
  [
    'a missing path',
    ['custom', '--data', join(folder, 'none'), '--verdicts', verdicts],
    /cannot read .*none/,
  ],
  [
    'missing verdicts',
    ['custom', '--data', data, '--verdicts', join(folder, 'none.jsonl')],
    /cannot read .*none\.jsonl/,
  ],
  [
    'a row that is not JSON',
    ['custom', '--data', write('bad.jsonl', pairs.slice(0, 1), '{oops\n')],
    /bad\.jsonl, line 2 is not JSON\nfix: correct the row\n/,
  ],
  [
    'no pairs',
    ['custom', '--data', write('no-pairs.jsonl', [])],
    /no-pairs\.jsonl holds no pairs\nfix: give a file with rows; .*--help/,
  ],
  [
    'no choices',
    ['custom-k', '--data', write('no-choices.jsonl', [])],
    /no-choices\.jsonl holds no choices\nfix: give a file with rows; .*--help/,
  ],
  [
    'no pairs of a published one',
    ['rewardbench', '--data', write('no-pairs.jsonl', [])],
    /no-pairs\.jsonl holds no pairs\nfix: fetch the files again/,
  ],
  ['no verdicts', ['custom', '--data', data, '--verdicts', write('empty.jsonl', [])], /holds no verdict/],
  [
    'a share above one',
    ['custom', '--data', data, '--verdicts', verdicts, '--fail-under', '80'],
    /a number from 0 to 1/,
  ],
])('%s: one clear error', async (_, args, message) => {
  expect(await main(['bench', ...args])).toBe(2);
  expect(complaints).toMatch(message);
  expect(complaints).not.toMatch(/ at .*\.ts/);
});

it('never takes --data for the playground', async () => {
  expect(await main(['bench', 'playground', '--data', data])).toBe(2);
  expect(complaints).toMatch(/--data is not for the playground, .*\nfix: .* your own as custom/);
  complaints = '';
  const args = ['bench', 'playground', 'custom', '--data', data, '--limit', '1', '--json'];
  expect(await main([...args, '--out', join(folder, 'beside')])).toBe(0);
  expect(JSON.parse(out).benchmarks).toMatchObject([
    { name: 'playground', pairs: 1, official: { parts: [{ name: 'general' }] } },
    { name: 'custom', pairs: 1, official: { parts: [{ name: 'all' }] } },
  ]);
  expect(complaints).not.toMatch(/more than was published/);
});

it('does not compare runs on data that changed', async () => {
  const run = join(folder, 'changed');
  expect(await main(['bench', 'custom', '--data', data, '--verdicts', verdicts, '--out', run])).toBe(0);
  const fewer = write('fewer.jsonl', pairs.slice(1));
  expect(await main(['bench', 'compare', run, run, '--data', fewer])).toBe(2);
  expect(complaints).toMatch(/has judged other rows of custom than the files now hold/);
});

it.each<[string, readonly string[]]>([
  ['bench compare', ['compare', 'x']],
  ['bench injection', ['injection', '--pairs', '0']],
  ['bench build', ['build']],
  ['bench', ['custom', '--model', 'compare', '--limit', '0']],
])('wrong arguments of `%s` refer to its own help', async (name, args) => {
  expect(await main(['bench', ...args])).toBe(2);
  expect(complaints).toContain(`fix: see \`evalplanner ${name} --help\`\n`);
});

it("finds a benchmark's folder by its name", async () => {
  mkdirSync(join(folder, 'LLMBar'));
  writeFileSync(
    join(folder, 'LLMBar', 'Natural.json'),
    JSON.stringify([{ id: 'n', input: 'x', output_1: 'a', output_2: 'b', label: 2 }]),
  );
  const own = write('llmbar-verdicts.jsonl', [{ id: 'n', order: 'ab', verdict: 'B' }]);
  expect(await main(['bench', 'llmbar', '--data', folder, '--verdicts', own])).toBe(0);
  expect(out).toMatch(/^LLMBar: 100\.0/);
  expect(out).toMatch(/not the whole benchmark, .*Natural\s+1 of 100, Neighbor 0 of 134/);
});

describe('what it reads', () => {
  const own = join(folder, 'own');
  mkdirSync(join(own, 'LLMBar'), { recursive: true });
  const file = (name: string, text: string) => {
    writeFileSync(join(own, name), text);
    return join(own, name);
  };
  const natural = file(
    'LLMBar/Natural.json',
    JSON.stringify([{ id: 'n', input: 'x', output_1: 'a', output_2: 'b', label: 2 }]),
  );
  const read = file('pairs.jsonl', readFileSync(data, 'utf8'));
  const said = file('verdicts.jsonl', readFileSync(verdicts, 'utf8'));
  symlinkSync(own, join(folder, 'link'));
  const link = (name: string) => join(folder, 'link', name);
  const store = file('ledger.db', '');
  const run = join(own, 'run');
  const ledger = join(run, 'run.db');
  const built = file(
    'content_constraints.json',
    JSON.stringify([
      { example_id: 1, category: 'content', source: 'x', level: 0, instruction: 'x', target: '' },
    ]),
  );

  it.each<[string, readonly string[], string]>([
    ['the data', ['custom', '--data', read, '--save-verdicts', read], read],
    ['a file behind a link', ['custom', '--data', read, '--save-verdicts', link('pairs.jsonl')], read],
    ['a file of a folder', ['llmbar', '--data', own, '--save-verdicts', natural], natural],
    ['verdicts', ['custom', '--data', read, '--verdicts', said, '--save-verdicts', said], said],
    ['a ledger', ['custom', '--data', read, '--store', store, '--save-verdicts', store], store],
    ["the folder's ledger", ['custom', '--data', read, '--save-verdicts', ledger], ledger],
    ["FollowBench's", ['build', 'followbench', '--model', 'x', '--data', own, '--out', built], built],
  ])('%s is never written over', async (_, args, target) => {
    const now = () => (existsSync(target) ? readFileSync(target, 'utf8') : null);
    const before = now();
    expect(await main(['bench', '--out', run, ...args])).toBe(2);
    expect(complaints).toMatch(/would overwrite a source\nfix: choose another name/);
    expect(now()).toBe(before);
    // Before a folder is made or a model is asked.
    expect(existsSync(run)).toBe(false);
  });
});

describe('a run folder', () => {
  const run = join(folder, 'run');
  const play = ['bench', 'playground', '--limit', '6', '--orders', 'both', '--json', '--out', run];
  const json = () => JSON.parse(out);

  it('has report, page, verdicts and ledger; the same command asks for nothing and scores the same', async () => {
    const saved = join(folder, 'not', 'there', 'saved.jsonl');
    expect(await main([...play, '--save-verdicts', saved])).toBe(0);
    const [own] = json().benchmarks;
    expect(own).toMatchObject({ name: 'playground', judged: 6, twice: 6 });
    expect(own.effort).toMatchObject({ generations: 12, asked: 12, cost: null });
    expect(own.effort.completionTokens).toBeGreaterThan(12);
    const report = JSON.parse(readFileSync(join(run, 'report.json'), 'utf8'));
    expect(report).toMatchObject({
      kind: 'bench',
      schema: 1,
      judge: { name: 'playground' },
      benchmarks: [own],
    });
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('Playground, held-out pairs');
    expect(readFileSync(join(run, 'verdicts', 'playground.jsonl'), 'utf8')).toBe(readFileSync(saved, 'utf8'));
    out = '';
    expect(await main(play)).toBe(0);
    const [again] = json().benchmarks;
    expect(again).toEqual({ ...own, effort: { ...own.effort, asked: 0 } });
    out = '';
    await main(['bench', 'playground', '--limit', '6', '--json', '--verdicts', saved]);
    expect(json().benchmarks[0]).toEqual({ ...own, effort: null });
  });

  it('compares with itself evenly, and with a file', async () => {
    expect(await main(['bench', 'compare', run, run, '--json'])).toBe(0);
    expect(json().comparisons).toMatchObject([
      { name: 'playground', pairs: 6, unit: 'both orders', firstOnly: 0, secondOnly: 0, p: 1, difference: 0 },
    ]);
    out = '';
    const rows = readFileSync(join(run, 'verdicts', 'playground.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const wrong = rows.map((row) => ({ ...JSON.parse(row), verdict: 'tie' }));
    expect(await main(['bench', 'compare', run, write('ties.jsonl', wrong)])).toBe(0);
    expect(out).toMatch(/A: playground\nB: ties\n/);
    expect(out).toMatch(/B, official score +0\.0\n/);
    expect(out).toMatch(/right in B only +0\n/);
  });

  it.each<[string, readonly string[], RegExp]>([
    ['another seed', [...play, '--seed', '5'], /holds another run: --seed 0, not 5\nfix: choose another/],
    ['other benchmarks', ['bench', 'custom', '--data', data, '--out', run], /holds another run: benchmarks/],
    ['a file', ['bench', 'playground', '--out', verdicts], /is a file\nfix: choose another folder/],
    ['other files', ['bench', 'playground', '--out', folder], /holds other files .* and no benchmark run/],
    [
      'below a file',
      ['bench', 'playground', '--limit', '1', '--out', join(verdicts, 'x')],
      /cannot be opened for writing/,
    ],
    ['one that is not there', ['bench', 'compare', run, join(folder, 'nowhere')], /there is no .*nowhere/],
    [
      'a folder without a run',
      ['bench', 'compare', run, folder],
      /holds no benchmark run\nfix: give a folder/,
    ],
    ['files without a name', ['bench', 'compare', verdicts, verdicts], /does not say of which benchmark/],
    [
      'a benchmark that was not played',
      ['bench', 'compare', run, run, '--benchmark', 'llmbar'],
      /has not played llmbar\nfix: it has playground/,
    ],
    [
      'data of the playground',
      ['bench', 'compare', run, run, '--data', data],
      /--data is not for the playground, .*\nfix: leave it out/,
    ],
  ])('%s: one clear error', async (_, args, message) => {
    expect(await main(args)).toBeGreaterThan(1);
    expect(complaints).toMatch(message);
    expect(complaints).not.toMatch(/ at .*\.ts|bug in evalplanner/);
  });

  it('tells a run of another command and an unfinished one', async () => {
    const other = join(folder, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'config.json'), '{"preset": "quick", "seed": 0}');
    expect(await main(['bench', 'playground', '--out', other])).toBe(2);
    expect(complaints).toMatch(/holds a run of another command/);
    writeFileSync(join(other, 'config.json'), '{"kind": "bench", "asked": {}}');
    expect(await main(['bench', 'compare', other, run])).toBe(2);
    expect(complaints).toMatch(/is not finished\nfix: run its command again/);
    writeFileSync(join(other, 'report.json'), '{"kind": "bench", "schema": 7, "benchmarks": []}');
    expect(await main(['bench', 'compare', other, run])).toBe(2);
    expect(complaints).toMatch(/has schema 7, this version reads 1/);
  });
});

/** Whether this processor plays in int8 at all. */
const exact = await addsInt8();

it.runIf(exact)('keeps a judge in int8 apart from the same one, in folders and names', async () => {
  const here = process.cwd();
  const work = join(folder, 'work');
  mkdirSync(work);
  process.chdir(work);
  try {
    const play = ['bench', 'playground', '--limit', '2'];
    expect(await main(play)).toBe(0);
    expect(await main([...play, '--quantization', 'int8'])).toBe(0);
    expect(await main([...play, '--out', 'again'])).toBe(0);
    const [own, int8] = readdirSync('runs').toSorted();
    expect([own, int8]).toEqual([
      expect.stringMatching(/^bench-playground-[0-9a-f]{6}$/),
      expect.stringMatching(/^bench-playground-int8-[0-9a-f]{6}$/),
    ]);
    const [one, other] = [join('runs', `${own}`), join('runs', `${int8}`)];
    expect(readFileSync(join(other, 'report.html'), 'utf8')).toMatch(/playground in int8 scores/);
    out = '';
    expect(await main(['bench', 'compare', one, other])).toBe(0);
    expect(out).toMatch(/^A: playground\nB: playground in int8\n/);
    out = '';
    expect(await main(['bench', 'compare', one, 'again'])).toBe(0);
    expect(out).toMatch(/^A: playground \(runs.bench-playground-.{6}\)\nB: playground \(again\)\n/);
  } finally {
    process.chdir(here);
  }
});

it.skipIf(exact)('refuses int8 on a processor that adds its products wrongly', async () => {
  const out = join(folder, 'refused');
  expect(await main(['bench', 'playground', '--limit', '2', '--quantization', 'int8', '--out', out])).toBe(3);
  expect(complaints).toMatch(
    /this processor adds up 8-bit products wrongly.*\nfix: leave out the quantization/,
  );
});

it('keeps a run of choices among n in a folder too', async () => {
  const choices = write(
    'choices.jsonl',
    ['3 2 1', '5 4 3'].map((right, i) => ({
      id: i,
      instruction: `Count down from ${right[0]} to ${right[4]}.`,
      chosen: [right],
      rejected: ['1 2', '7 7'],
    })),
  );
  const run = join(folder, 'choices');
  const args = ['bench', 'custom-k', '--data', choices, '--way', 'round-robin', '--out', run, '--json'];
  expect(await main(args)).toBe(0);
  const [own] = JSON.parse(out).benchmarks;
  expect(own).toMatchObject({ judged: 2, effort: { generations: 12, asked: 12 } });
  const report = JSON.parse(readFileSync(join(run, 'report.json'), 'utf8'));
  expect(report).toMatchObject({ kind: 'bench', benchmarks: [], choices: [own] });
  const page = readFileSync(join(run, 'report.html'), 'utf8');
  expect(page).toMatch(/your own choices, round-robin/);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(readFileSync(join(run, 'verdicts', 'custom-k.jsonl'), 'utf8').split('\n')).toHaveLength(3);
  out = '';
  expect(await main(args)).toBe(0);
  expect(JSON.parse(out).benchmarks[0]).toEqual({ ...own, effort: { ...own.effort, asked: 0 } });
  out = '';
  expect(await main(['bench', 'compare', run, run, '--json'])).toBe(0);
  expect(JSON.parse(out).comparisons).toMatchObject([{ name: 'custom-k', pairs: 2, difference: 0, p: 1 }]);
  const knockout = join(folder, 'knockout');
  expect(await main([...args.with(5, 'knockout').with(7, knockout)])).toBe(0);
  expect(await main(['bench', 'compare', run, knockout])).toBe(2);
  expect(complaints).toMatch(/was judged by round-robin, .* by knockout\nfix: judge both in one way/);
});

it('makes no score of one form of a prompt of Ties', async () => {
  const row = {
    id: 'ref:1',
    subset: 'Ties',
    prompt: 'x',
    chosen: ['a'],
    rejected: ['b', 'c'],
    num_correct: 1,
  };
  const ties = write('ties-only.jsonl', [row]);
  const rated = write('ties-rated.jsonl', [{ id: 'ref:1', ratings: [9, 2, 1] }]);
  expect(await main(['bench', 'rewardbench-2', '--data', ties, '--verdicts', rated])).toBe(2);
  expect(complaints).toMatch(/no score is made of this verdict alone\nfix: judge other subsets too/);
});

it('plays pairs and choices in one run, with one report', async () => {
  const both = join(folder, 'both');
  for (const [name, row] of Object.entries({
    custom: { id: 1, instruction: 'Count down from 3 to 1.', chosen: '3 2 1', rejected: '1 2' },
    'custom-k': { id: 1, instruction: 'Count down from 3 to 1.', chosen: ['3 2 1'], rejected: ['1 2', '3'] },
  })) {
    mkdirSync(join(both, name), { recursive: true });
    writeFileSync(join(both, name, 'rows.jsonl'), JSON.stringify(row));
  }
  const run = join(folder, 'both-run');
  const slots = ['bench', 'custom', 'custom-k', '--data', both, '--out', join(folder, 'slots')];
  expect(await main(slots)).toBe(2);
  // Told before the first benchmark is played.
  expect(complaints).toMatch(
    /^error: your own choices: .* compare two responses only\nfix: .*--way round-robin/,
  );
  const args = ['bench', 'custom-k', 'custom', '--data', both, '--way', 'knockout', '--orders', 'both'];
  expect(await main([...args, '--out', run, '--json'])).toBe(0);
  const results = JSON.parse(out).benchmarks;
  expect(results.map(({ name }: { name: string }) => name)).toEqual(['custom-k', 'custom']);
  const report = JSON.parse(readFileSync(join(run, 'report.json'), 'utf8'));
  expect(report).toMatchObject({ benchmarks: [{ name: 'custom' }], choices: [{ name: 'custom-k' }] });
  const page = readFileSync(join(run, 'report.html'), 'utf8');
  expect(page).toMatch(/All benchmarks[\s\S]*your own pairs[\s\S]*your own choices, knockout/);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  out = '';
  expect(await main([...args, '--out', run, '--markdown'])).toBe(0);
  expect(out.match(/^\| benchmark /gm)).toHaveLength(2);
  out = '';
  expect(await main(['bench', 'compare', run, run, '--json'])).toBe(0);
  expect(JSON.parse(out).comparisons).toHaveLength(2);
});

it('judges only pairs that are short enough, and says so', async () => {
  const some = write('lengths.jsonl', [
    { id: 'short', instruction: 'x', chosen: 'yes', rejected: 'no' },
    { id: 'long', instruction: 'x'.repeat(100), chosen: 'yes', rejected: 'no' },
  ]);
  const said = write('said.jsonl', [{ id: 'short', order: 'ab', verdict: 'A' }]);
  const out7 = join(folder, 'seven');
  const args = ['bench', 'custom', '--data', some, '--verdicts', said, '--out', out7];
  expect(await main([...args, '--max-chars', '7', '--json'])).toBe(0);
  expect(JSON.parse(out).benchmarks[0]).toMatchObject({ pairs: 1, judged: 1 });
  expect(readFileSync(join(out7, 'report.html'), 'utf8')).toContain('pairs of at most 7 characters');
  expect(await main([...args, '--max-chars', '5'])).toBe(2);
  expect(complaints).toMatch(/no pair has at most 5 characters; the shortest has 6/);
});

it.each<[string, readonly string[], RegExp]>([
  ['no data', ['llmbar'], /LLMBar needs its data\nfix: give its file or folder with --data/],
  [
    'verdicts and a model',
    ['custom', '--data', data, '--verdicts', verdicts, '--model', 'x'],
    /give one of them/,
  ],
  [
    'a budget of a model that costs nothing',
    ['playground', '--max-cost', '3', '--prices', '1,2'],
    /^error: --prices is for models behind a server, and playground is none\nfix: leave it out/,
  ],
  [
    'a key and verdicts',
    ['custom', '--data', data, '--verdicts', verdicts, '--api-key-file', 'x'],
    /--api-key-file .*, and no model is asked\nfix: leave it out/,
  ],
  ['no such model', ['playground', '--model', join(folder, 'none'), '--out', join(folder, 'n')], /none/],
])('%s: one clear error', async (_, args, message) => {
  expect(await main(['bench', ...args])).toBeGreaterThan(1);
  expect(complaints).toMatch(message);
});

it('is no whole score where the model could not answer', async () => {
  const long = write('long.jsonl', [
    { id: 'short', instruction: 'Count down from 2 to 1.', chosen: '2 1', rejected: '2' },
    { id: 'long', instruction: 'Count down. '.repeat(500), chosen: '2 1', rejected: '2' },
  ]);
  expect(await main(['bench', 'custom', '--data', long, '--out', join(folder, 'long')])).toBe(3);
  expect(complaints).toMatch(
    /the model did not answer 50\.0 % of the prompts\nfix: run the same command again/,
  );
});

it('builds FollowBenchEval from what a server writes and another checks, and plays it', async () => {
  const source = join(folder, 'FollowBench');
  mkdirSync(source);
  const grown = [
    'Sum it up.',
    'Sum it up in one sentence.',
    'Sum it up in one sentence of 20 words at most.',
  ];
  const rows = (category: string, from: string) =>
    grown.map((instruction, level) => ({
      example_id: 1,
      category,
      source: from,
      level,
      instruction: `${category}: ${instruction}`,
      target: '',
    }));
  writeFileSync(join(source, 'mixed_constraints.json'), JSON.stringify(rows('mixed', 'arxiv')));
  writeFileSync(join(source, 'style_constraints.json'), JSON.stringify(rows('style', 'quora')));
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { messages, model, seed, n = 1 } = JSON.parse(Buffer.concat(chunks).toString());
      const prompt: string = messages.at(-1).content;
      const kept = 'We sum it up.';
      const content = (index: number) =>
        model === 'writer'
          ? (seed + index) % 2 === 0
            ? kept
            : 'We sum. It up.'
          : `[[${prompt.includes(kept) ? 'YES' : 'NO'}${prompt.includes('Form 3') ? ', YES' : ''}]]`;
      const choices = Array.from({ length: n }, (_, index) => ({
        index,
        message: { role: 'assistant', content: content(index) },
        finish_reason: 'stop',
      }));
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ model, choices, usage }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const built = join(folder, 'followbench-eval.jsonl');
    const build = [
      'bench',
      'build',
      'followbench',
      '--data',
      source,
      '--out',
      built,
      '--base-url',
      url,
      '--json',
    ];
    expect(await main([...build, '--model', 'writer'])).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ pairs: 2, byRule: 2, byModel: 0, levels: { L1: 1, L2: 1 } });
    out = '';
    expect(await main([...build, '--model', 'writer', '--check-model', 'checker'])).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ pairs: 4, byRule: 2, byModel: 2 });
    out = '';
    const ids = ['mixed:1:1', 'mixed:1:2', 'style:1:1', 'style:1:2'];
    const said = write(
      'followbench-verdicts.jsonl',
      ids.flatMap((id, i) => [
        { id, order: 'ab', verdict: 'A' },
        { id, order: 'ba', verdict: i === 0 ? 'A' : 'B' },
      ]),
    );
    expect(await main(['bench', 'followbench-eval', '--data', built, '--verdicts', said, '--json'])).toBe(0);
    const [{ official }] = JSON.parse(out).benchmarks;
    expect(official).toMatchObject({
      score: 0.75,
      parts: [
        { name: 'L1', score: 0.5 },
        { name: 'L2', score: 1 },
      ],
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

it('keeps choices among n apart from pairs', async () => {
  const choices = write('choices.jsonl', [
    { id: 1, instruction: 'Count down from 2 to 1.', chosen: ['2 1'], rejected: ['2', '1 2', '1'] },
  ]);
  const said = write('choice-verdicts.jsonl', [{ id: 1, verdict: 'B', shown: [1, 0, 2, 3] }]);
  expect(await main(['bench', 'custom-k', '--data', choices, '--verdicts', said])).toBe(0);
  expect(out).toMatch(/^your own choices, best-of-n: 100\.0/);
  const saved = join(folder, 'saved-choices.jsonl');
  out = '';
  const play = ['bench', 'custom-k', '--data', choices, '--json'];
  expect(
    await main([...play, '--way', 'round-robin', '--out', join(folder, 'rr'), '--save-verdicts', saved]),
  ).toBe(0);
  const [played] = JSON.parse(out).benchmarks;
  out = '';
  expect(await main([...play, '--verdicts', saved])).toBe(0);
  expect(JSON.parse(out).benchmarks[0]).toEqual({ ...played, effort: null });
  for (const [args, message] of [
    [['custom-k', '--data', choices, '--verdicts', said, '--way', 'ratings'], /leave out --way/],
    [['custom-k', 'custom', '--data', choices, '--save-verdicts', saved], /belongs to one benchmark/],
    [['custom-k', 'poems', '--data', choices], /no benchmark called poems/],
    [['custom', '--data', choices], /line 1 has a list of responses\nfix: bench it as custom-k/],
    [['custom', '--data', data, '--way', 'ratings'], /--way is of choices among n/],
    [['custom-k', '--data', choices, '--orders', 'both'], /are of pairs/],
    [
      ['custom-k', '--data', choices, '--out', join(folder, 'k')],
      /compare two responses only\nfix: .*--way round-robin/,
    ],
  ] as const) {
    complaints = '';
    expect(await main(['bench', ...args])).toBe(2);
    expect(complaints).toMatch(message);
  }
});

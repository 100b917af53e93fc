import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { judgeRows } from '../../exports/rows.contract.ts';
import { tokenizerFiles } from '../../exports/templates.contract.ts';
import type { TrainStage } from '../../pipeline/stage.ts';
import { openStore } from '../../store/ledger.ts';
import { run } from '../run.contract.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'export-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const exported = (...args: string[]) => run('export', ...args);

const lines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const rows = judgeRows('published');

const optimisation = { learningRate: 1e-4, warmupSteps: 2, epochs: 1, batchSize: 4 };
/** The judge's trainings in the order of the plan, and a control's. */
const TRAININGS: readonly (TrainStage & { readonly name: string; readonly title: string })[] = [
  training('M1-SFT', 'M0', 'sft-1'),
  training('careful', 'M1-SFT', 'dpo-1'),
  { ...training('direct', 'M0', 'direct'), control: true },
];

function training(judge: string, from: string, rows: string) {
  const how = rows.startsWith('dpo')
    ? ({ kind: 'dpo', ...optimisation, beta: 0.1, nllWeight: 1.5 } as const)
    : ({ kind: 'sft', ...optimisation, thoughtsPerPair: 1, plans: 'any' } as const);
  const stage = { kind: 'train', judge, from, round: 1, sets: ['d1'], form: 'planned', how, rows } as const;
  return { name: `train ${judge}`, title: judge, ...stage, control: false };
}

function runFolder({ done = true } = {}): string {
  const data = join(folder, 'run', 'data');
  mkdirSync(data, { recursive: true });
  const config = { seed: 7, thoughts: { plans: 5 }, preferences: { pairing: 'both' }, optimiser: {} };
  writeFileSync(
    join(folder, 'run', 'config.json'),
    JSON.stringify({ preset: 'quick', seed: 7, model: 'f00', config }),
  );
  using store = openStore(join(folder, 'run', 'run.db'), { config: {} });
  store.planStages(TRAININGS);
  for (const { name, judge } of TRAININGS) if (done || judge === 'M1-SFT') store.finishStage(name);
  writeFileSync(
    join(data, 'sft-1.jsonl'),
    lines(rows.map(({ prompt, chosen }) => ({ prompt, completion: chosen }))),
  );
  writeFileSync(join(data, 'dpo-1.jsonl'), lines(rows));
  writeFileSync(join(data, 'direct.jsonl'), lines(rows));
  // Of a plan that is no more.
  writeFileSync(join(data, 'dpo-2.jsonl'), lines(rows));
  return join(folder, 'run');
}

function modelFolder(template?: string): string {
  const dir = join(folder, 'model');
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(tokenizerFiles('Qwen 3'))) writeFileSync(join(dir, name), text);
  if (template !== undefined) writeFileSync(join(dir, 'chat_template.jinja'), template);
  return dir;
}

test('a run gives what trained its judge, with a card that says how', async () => {
  const out = join(folder, 'set');
  const { code, out: text } = await exported(
    runFolder(),
    '--format',
    'llama-factory',
    '--out',
    out,
    '--licence',
    'mit',
  );
  expect(code).toBe(0);
  expect(text).toContain('6  sft rows in sft-1.jsonl: verdict A 3, B 3');
  expect(readdirSync(out).sort()).toEqual([
    'README.md',
    'dataset_info.json',
    'dpo-1.jsonl',
    'evalplanner.json',
    'sft-1.jsonl',
  ]);
  expect(Object.keys(JSON.parse(readFileSync(join(out, 'dataset_info.json'), 'utf8')))).toEqual([
    'sft-1',
    'dpo-1',
  ]);
  const card = readFileSync(join(out, 'README.md'), 'utf8');
  for (const part of [
    'preset quick, seed 7',
    'revision f00',
    'thoughts of run: {"plans":5}',
    'M1-SFT from M0: {"kind":"sft"',
    '"nllWeight":1.5',
    'license: "mit"',
    'verdict A in 50.0 %',
  ])
    expect(card).toContain(part);
});

test('a second export into a folder describes all that it holds', async () => {
  const out = join(folder, 'set');
  const foreign = { alpaca: { file_name: 'alpaca.json' } };
  mkdirSync(out);
  writeFileSync(join(out, 'dataset_info.json'), JSON.stringify(foreign));
  const args = ['--format', 'llama-factory', '--out', out];
  await exported(runFolder(), ...args, '--licence', 'mit', '--title', 'Judge rows');
  const more = join(folder, 'more.jsonl');
  writeFileSync(more, lines(rows.slice(0, 2)));
  expect((await exported(more, ...args, '--licence', 'mit')).code).toBe(0);
  const datasets = () => JSON.parse(readFileSync(join(out, 'dataset_info.json'), 'utf8'));
  expect(datasets()).toMatchObject({ ...foreign, more: { ranking: true } });
  expect(Object.keys(datasets()).sort()).toEqual(['alpaca', 'dpo-1', 'more', 'sft-1']);
  const card = () => readFileSync(join(out, 'README.md'), 'utf8');
  for (const part of [
    '# Judge rows',
    '| sft-1.jsonl | sft | 6 |',
    '| more.jsonl | dpo | 2 |',
    'preset quick',
  ])
    expect(card()).toContain(part);

  // What is exported again, or was changed by hand, is described as it is now.
  writeFileSync(more, lines(rows.slice(0, 1)));
  writeFileSync(join(out, 'sft-1.jsonl'), 'changed');
  const { err } = await exported(more, '--format', 'trl', '--out', out, '--json');
  expect(err).toMatch(/note: .*sft-1\.jsonl is gone or was changed/);
  expect(Object.keys(datasets()).sort()).toEqual(['alpaca', 'dpo-1', 'sft-1']);
  expect(card()).toContain('| more.jsonl | dpo | 1 |');
  expect(card()).not.toContain('| sft-1.jsonl');
});

test('what is not ours in a folder is never overwritten', async () => {
  const out = join(folder, 'set');
  mkdirSync(out);
  const args = [runFolder(), '--format', 'llama-factory', '--out', out];
  for (const [name, text, message] of [
    ['README.md', '# Mine', 'is no card of an export'],
    ['dataset_info.json', '{', 'is not JSON'],
    ['dataset_info.json', '[]', 'is no object'],
    ['dataset_info.json', '{"sft-1": {"file_name": "mine.json"}}', 'another dataset that is called sft-1'],
    ['evalplanner.json', '{"files": [1]}', 'is damaged'],
  ] as const) {
    writeFileSync(join(out, name), text);
    const failed = await exported(...args);
    expect(failed).toMatchObject({ code: 2, err: expect.stringContaining(message) });
    expect(readFileSync(join(out, name), 'utf8')).toBe(text);
    rmSync(join(out, name));
  }
});

test('--tokenizer proves that every thought is in the loss mask, or exits with 1 and says why not', async () => {
  const source = runFolder();
  const args = [source, '--format', 'trl', '--out', join(folder, 'set')];
  const whole = await exported(...args, '--tokenizer', modelFolder(), '--json');
  expect(whole.code).toBe(0);
  expect(JSON.parse(whole.out).check).toMatchObject({ completions: 18, whole: 18, faults: {} });

  const cut = "{% for m in messages %}{{ m.role + m.content[:9] + '<|im_end|>' }}{% endfor %}";
  const broken = await exported(...args, '--tokenizer', modelFolder(cut));
  expect(broken.code).toBe(1);
  expect(broken.err).toContain('18 completions: the template changes the completion');

  const refusing = await exported(
    ...args,
    '--tokenizer',
    modelFolder("{{ raise_exception('no user here') }}"),
  );
  expect(refusing).toMatchObject({ code: 1, err: expect.stringContaining('no user here') });

  const dir = modelFolder();
  rmSync(join(dir, 'chat_template.jinja'));
  const none = await exported(...args, '--tokenizer', dir);
  expect(none).toMatchObject({ code: 3, err: expect.stringContaining('has no chat template') });
});

test.each([
  [(f: string) => [join(f, 'none.jsonl')], 2, 'cannot read'],
  [(f: string) => [f], 2, 'holds no run'],
  [
    (f: string) => [join(f, 'a.jsonl'), '--parquet', '--format', 'together'],
    2,
    'Parquet only for rows that are tokenised',
  ],
  [(f: string) => [join(f, 'a.jsonl'), join(f, 'b', 'a.jsonl')], 2, 'would both become'],
  [(f: string) => [join(f, 'set', 'a.jsonl')], 2, 'would overwrite a source'],
  [(f: string) => [join(f, 'a.jsonl'), '--style', 'text', '--tokenizer', f], 2, 'checks a chat template'],
] as const)('wrong use %#', async (args, code, message) => {
  for (const sub of ['b', 'set']) mkdirSync(join(folder, sub));
  for (const name of ['a.jsonl', 'b/a.jsonl', 'set/a.jsonl']) writeFileSync(join(folder, name), lines(rows));
  const given = args(folder);
  const format = given.includes('--format') ? [] : ['--format', 'trl'];
  const found = await exported(...given, ...format, '--out', join(folder, 'set'));
  expect(found.err).toContain(message);
  expect(found.err).toMatch(/^error: .*\nfix: .*\n$/);
  expect(found.code).toBe(code);
  expect(readFileSync(join(folder, 'set', 'a.jsonl'), 'utf8')).toBe(lines(rows));
});

test('a file that no export wrote is left alone; what a killed export began to write is not in its way', async () => {
  const source = runFolder();
  const out = join(folder, 'set');
  mkdirSync(out);
  writeFileSync(join(out, 'dpo-1.jsonl'), 'mine\n');
  const refused = await exported(source, '--format', 'trl', '--out', out);
  expect(refused).toMatchObject({
    code: 2,
    err: expect.stringContaining('is no export and would be overwritten'),
  });
  expect(readFileSync(join(out, 'dpo-1.jsonl'), 'utf8')).toBe('mine\n');
  rmSync(out, { recursive: true });

  expect((await exported(source, '--format', 'trl', '--out', out)).code).toBe(0);
  const claim = { title: '', files: [], writing: ['sft-1.jsonl', 'dpo-1.jsonl', 'dpo-2.jsonl'] };
  for (const name of ['README.md', 'dpo-2.jsonl']) rmSync(join(out, name), { force: true });
  writeFileSync(join(out, 'evalplanner.json'), JSON.stringify(claim));
  // A claim makes no README ours.
  writeFileSync(join(out, 'README.md'), 'mine\n');
  expect((await exported(source, '--format', 'trl', '--out', out)).code).toBe(2);
  rmSync(join(out, 'README.md'));
  expect((await exported(source, '--format', 'trl', '--out', out)).code).toBe(0);
  expect(readFileSync(join(out, 'README.md'), 'utf8')).toContain('# set');
  expect(JSON.parse(readFileSync(join(out, 'evalplanner.json'), 'utf8'))).not.toHaveProperty('writing');
});

test('a run that is not finished says so; one without rows says why', async () => {
  const source = runFolder({ done: false });
  const args = ['--format', 'trl', '--out', join(folder, 'set')];
  const exportedSoFar = await exported(source, ...args);
  expect(exportedSoFar).toMatchObject({ code: 0, err: expect.stringContaining('is not finished') });
  expect(await exported(runFolder(), ...args)).toMatchObject({ code: 0, err: '' });
  rmSync(join(source, 'data', 'dpo-1.jsonl'));
  const lost = await exported(source, ...args);
  expect(lost).toMatchObject({ code: 0, err: expect.stringContaining('is not finished') });
  rmSync(join(source, 'data'), { recursive: true });
  const none = await exported(source, ...args);
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('holds no training rows in data/') });
  expect(none.err).toContain('has not come to its first training yet');
  const judged = join(folder, 'judged');
  openStore(join(judged, 'run.db'), { config: {} }).close();
  expect((await exported(judged, ...args)).err).toContain('of a run that trains');
});

test('a card needs no config.json, and no preset', async () => {
  const source = runFolder();
  const out = join(folder, 'set');
  const card = () => readFileSync(join(out, 'README.md'), 'utf8');
  writeFileSync(join(source, 'config.json'), JSON.stringify({ seed: 7, model: 'f00', config: {} }));
  await exported(source, '--format', 'trl', '--out', out);
  expect(card()).toContain('Run run: seed 7');
  for (const text of ['{', 'null', '5']) {
    writeFileSync(join(source, 'config.json'), text);
    expect(await exported(source, '--format', 'trl', '--out', out)).toMatchObject({ code: 0, err: '' });
    expect(card()).not.toContain('Run run');
    expect(card()).toContain('careful from M1-SFT');
  }
});

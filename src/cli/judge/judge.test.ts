import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judge as judgeOne } from '../../judging/judge.ts';
import type { Judgment, Winner } from '../../judging/judgment.ts';
import { scripted } from '../../model/scripted.ts';
import { SEED_FOLDER } from '../../package.ts';
import { PLAYGROUND_PROMPTS } from '../../prompts/set.ts';
import { openStore } from '../../store/ledger.ts';
import { pairRow } from './rows.ts';
import { judgmentText, Summary } from './text.ts';

const thought = (verdict: string) => ` <plan> Check. </plan> <exec> looked </exec> ${verdict}`;
const pair = { instruction: 'x', responses: ['one', 'two'] } as const;
const judged = (text: string, finishReason: 'stop' | 'length' | 'error' = 'stop', of: typeof pair = pair) =>
  judgeOne(
    scripted(() => ({ text, finishReason })),
    of,
    { form: 'planned', prompts: PLAYGROUND_PROMPTS, orders: 'ab' },
  );

describe('what is printed of one judgment', () => {
  test('plan, execution, verdict and the response that it names', async () => {
    const shown = judgmentText(await judged(thought('[[B]]')), pair);
    expect(shown).toContain(
      '  plan       Check.\n  execution  looked\n  verdict    [[B]], which is response B\n',
    );
    expect(shown).toContain('Response B is better.');
  });

  test('what was cut, refused or names no verdict is said so, never guessed', async () => {
    expect(judgmentText(await judged(thought('[[A]]'), 'length'), pair)).toContain('was cut at --max-tokens');
    expect(judgmentText(await judged('', 'error'), pair)).toContain('the model gave no answer');
    expect(judgmentText(await judged('hm'), pair)).toContain(
      'output     hm\n  verdict    none: the output names',
    );
  });

  test('nothing that a model or a response holds reaches the terminal as a command', async () => {
    const hostile = 'a\x1b[2J\x1b]0;title\x07b\r\x9bc\u202ed';
    const of = { instruction: 'x', responses: [hostile, 'two'] } as const;
    const text = ` <plan> ${hostile} </plan> <exec> ${hostile} </exec> [[A]]`;
    const shown = judgmentText(await judged(text, 'stop', of as unknown as typeof pair), of);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
    expect(shown).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  });
});

describe('rows', () => {
  const read = (value: unknown) => pairRow({ value, file: 'f', at: 'f.jsonl, line 7' });
  test.each<[object, readonly [string, string], Winner | null]>([
    [{ instruction: 'x', a: 'p', b: 'q' }, ['p', 'q'], null],
    [{ prompt: 'x', chosen: 'p', rejected: 'q' }, ['p', 'q'], 'A'],
    [{ question: 'x', response_A: 'p', response_B: 'q', label: 'B>A' }, ['p', 'q'], 'B'],
    [{ input: 'x', output_1: 'p', output_2: 'q', label: 2 }, ['p', 'q'], 'B'],
    [{ instruction: 'x', responses: ['p', 'q'], gold: 'tie' }, ['p', 'q'], 'tie'],
    [{ instruction: 'x', a: '', b: 'q', gold: null }, ['', 'q'], null],
  ])('%j', (row, responses, gold) => {
    expect(read(row)).toMatchObject({ pair: { instruction: 'x', responses }, gold });
  });

  test.each<[unknown, string]>([
    [null, 'is not an object'],
    [[], 'is not an object'],
    [{}, 'has no instruction'],
    [{ instruction: 3, a: 'p', b: 'q' }, 'has no text in instruction'],
    [{ instruction: 'x', a: 'p' }, 'has no two responses'],
    [{ instruction: 'x', a: 'p', b: 4 }, 'has no text in b'],
    [{ instruction: 'x', responses: ['p', 1] }, 'has no text in responses.1, but 1'],
    [{ instruction: 'x', a: 'p', b: 'q', gold: 'X' }, 'has a gold that is not A, B or tie, but "X"'],
    [
      { messages: [{ role: 'robot', content: '' }], a: 'p', b: 'q' },
      'has a turn 1 in messages that is not {role, content}: {"role":"robot"',
    ],
    [{ messages: [], a: 'p', b: 'q' }, 'has an empty messages'],
    [{ instruction: 'x', a: 'p', b: 'q', id: {} }, 'has an id that is neither'],
  ])('%j is refused by its position', (row, what) => {
    expect(() => read(row)).toThrow(`f.jsonl, line 7 ${what}`);
  });
});

describe('a summary', () => {
  const judgment = (winner: Winner | null, ab: Winner | null, ba: Winner | null): Judgment => ({
    winner,
    consistent: winner !== null,
    preference: null,
    orders: [
      { order: 'ab', winner: ab, votes: [] },
      { order: 'ba', winner: ba, votes: [] },
    ],
    usage: { asked: 2, cached: 0, promptTokens: 10, completionTokens: 20 },
  });

  test('counts both orders of a pair against its gold, whichever response that is', () => {
    const summary = new Summary();
    summary.add(judgment('A', 'A', 'A'), 'A');
    summary.add(judgment('B', 'B', 'B'), 'B');
    summary.add(judgment(null, 'A', 'B'), 'B');
    expect(summary.agreement).toBeCloseTo(5 / 6);
    summary.add(judgment('tie', 'tie', 'tie'), 'tie');
    // Three pairs at 5/6, and the tie.
    expect(summary.agreement).toBeCloseTo((2.5 + 1) / 4);
    const text = summary.text({ columns: 80, colour: false });
    expect(text).toContain('agrees with gold   83.3');
    expect(text).toContain('… in both orders   66.7');
    expect(text).toContain('gold ties found    100.0');
    expect(text).toContain('tokens             40 in, 80 out');
  });

  test('fits a narrow terminal, and is plain without colour', () => {
    const summary = new Summary();
    summary.add(judgment('A', 'A', 'A'), 'A');
    for (const line of summary.text({ columns: 30, colour: false }).split('\n')) {
      expect(line.length).toBeLessThanOrEqual(30);
      expect(line).not.toContain('\x1b');
    }
  });

  test('tells what another try may answer from what it will not', () => {
    const failed = (permanent: boolean): Judgment => {
      const vote = { key: 'k', planId: null, plan: null, execution: null, winner: null, text: '' };
      const votes = [{ ...vote, verdict: 'error' as const, ...(permanent ? { permanent } : {}) }];
      return { ...judgment(null, null, null), orders: [{ order: 'ab', winner: null, votes }] };
    };
    const summary = new Summary();
    expect(summary.failures('x.db')).toEqual([]);
    summary.add(failed(true), null);
    const inVain = {
      message: '1 pair has no answer of the model, nor would the same command bring one',
      remedy: expect.stringContaining('shorten or leave out such rows'),
    };
    expect(summary.failures('x.db')).toMatchObject([inVain]);
    for (let i = 0; i < 2; i++) summary.add(failed(false), null);
    expect(summary.failures('x.db')).toMatchObject([
      {
        message: '2 pairs have no answer of the model',
        remedy: 'run the same command again: what is in x.db is not asked for again',
      },
      inVain,
    ]);
    expect(summary.failures(undefined)[0]?.remedy).toContain('it starts over');
  });

  test('without gold there is nothing to agree with', () => {
    expect(new Summary().agreement).toBeNull();
  });
});

describe('the command', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'judge-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = (args: readonly string[], input = '') =>
    new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
      const child = spawn(process.execPath, [
        join(import.meta.dirname, '../main.ts'),
        ...['judge', '--model', 'playground', ...args],
      ]);
      let [out, err] = ['', ''];
      child.stdout.on('data', (data) => {
        out += data;
      });
      child.stderr.on('data', (data) => {
        err += data;
      });
      child.on('close', (code) => resolve({ code, out, err }));
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  const rows = () =>
    readFileSync(join(SEED_FOLDER, 'heldout/test.jsonl'), 'utf8').split('\n').filter(Boolean).slice(0, 6);

  test('judges standard input in its order, reports bad rows in their place, and resumes from its store', async () => {
    const [first, ...rest] = rows() as [string, ...string[]];
    const input = [first, '{broken', '{"instruction": 3}', ...rest].join('\n');
    const args = ['-', '--json', '--on-error', 'skip', '--store', join(folder, 'judged.db')];
    const { code, out, err } = await run(args, input);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect({ code, rows: lines.length }).toEqual({ code: 0, rows: 8 });
    expect(lines.map(({ at, error }) => at ?? error)).toEqual([
      'standard input, line 1',
      'standard input, line 2 is not JSON',
      'standard input, line 3 has no text in instruction, but 3',
      ...[4, 5, 6, 7, 8].map((n) => `standard input, line ${n}`),
    ]);
    expect(lines[0]).toMatchObject({
      gold: 'A',
      orders: [{ order: 'ab' }, { order: 'ba' }],
      usage: { asked: 2 },
    });
    expect(err.match(/^left out: /gm)).toHaveLength(2);

    const again = await run(args, input);
    const cached = again.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(cached[0].usage).toMatchObject({ asked: 0, cached: 2 });
    expect(cached.map(({ winner }) => winner)).toEqual(lines.map(({ winner }) => winner));
  });

  test('a row without its fields is told by row and line, with the value and what is taken', async () => {
    const path = join(folder, 'places.csv');
    writeFileSync(path, 'instruction,a,b,gold\n"two\nlines",p,27" q,A\nx,p,q,maybe\n');
    const { code, err } = await run([path]);
    expect(code).toBe(2);
    expect(err).toContain(
      'error: places.csv, row 2 (line 4) has a gold that is not A, B or tie, but "maybe"; taken are also 1 and 2',
    );
  });

  test('a prompt that is too long ends with 3, and with what helps', async () => {
    const long = JSON.stringify({ instruction: 'dog '.repeat(3000), a: 'p', b: 'q' });
    const { code, out, err } = await run(['-', '--orders', 'ab'], `${rows()[0]}\n${long}`);
    expect(code).toBe(3);
    expect(err).toMatch(/^error: standard input, line 2: .*\nfix: shorten the instruction/m);
    expect(err).toMatch(
      /^error: 1 pair has no answer of the model, .*\nfix: .*shorten or leave out such rows/m,
    );
    expect(err).not.toContain('run the same command again');
    expect(Number(/tokens +([\d,]+) in/.exec(out)?.[1]?.replace(',', ''))).toBeLessThan(1000);
  });

  test.each([
    [[], /^fix: .*without --store FILE.*starts over$/m],
    [['--store', 'interrupted.db'], /^fix: .*interrupted\.db is not asked for again$/m],
  ])('stopped by Ctrl-C with %j it says what the same command does', async (options, says) => {
    let child: ReturnType<typeof spawn> | undefined;
    const server = createServer(() => child?.kill('SIGINT'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const args = [
      'judge',
      '--instruction',
      'x',
      '--a',
      'p',
      '--b',
      'q',
      '--orders',
      'ab',
      '--model',
      `openai:m@${url}`,
    ];
    child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), ...args, ...options], {
      cwd: folder,
    });
    let err = '';
    child.stderr?.on('data', (data) => {
      err += data;
    });
    const code = await new Promise((resolve) => child?.on('close', resolve));
    server.closeAllConnections();
    server.close();
    expect(code).toBe(130);
    expect(err).toMatch(says);
  });

  test.each([
    [{ preset: 'quick', seed: 0 }, 'a training run (preset quick, seed 0)'],
    [{ command: 'pairs' }, '`evalplanner pairs`'],
    [{}, 'another run'],
  ])('a ledger with the config %j is told to be that of %s', async (config, owner) => {
    const path = join(folder, `${owner.replace(/\W/g, '')}.db`);
    const other = openStore(path, { config });
    other.finishStage('begun');
    other.close();
    const { code, err } = await run([...['--instruction', 'x', '--a', 'p', '--b', 'q'], '--store', path]);
    expect({ code, err }).toEqual({
      code: 2,
      err: `error: ${path} is the ledger of ${owner}, not of judgments\nfix: name another file with --store; it is made where there is none\n`,
    });
  });

  test('words that the seed model does not know are said to be that, once', async () => {
    const foreign = JSON.stringify({ instruction: 'What is the capital of France?', a: 'Paris', b: 'Rome' });
    const { code, err } = await run(['-'], [...rows().slice(0, 2), foreign].join('\n'));
    expect({ code, err }).toEqual({
      code: 0,
      err: 'note: the seed model knows the 660 words of its vocabulary only; 2 of 6 prompts have other words; name another model with --model\n',
    });
  });

  test('stops at a bad row by default, with 2; a gate that is not met ends with 1', async () => {
    const path = join(folder, 'pairs.jsonl');
    writeFileSync(path, `${rows()[0]}\n{broken\n`);
    expect(await run([path])).toMatchObject({
      code: 2,
      err: expect.stringContaining('pairs.jsonl, line 2 is not JSON'),
    });
    writeFileSync(path, rows().join('\n'));
    const gated = await run([path, '--fail-under', '1']);
    expect(gated).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^agreement with gold is 0\.\d+, below/),
    });
    expect(gated.out).toMatch(/^pairs +6\n/);
  });

  test('a reader that has seen enough ends it quietly', async () => {
    const path = join(folder, 'many.jsonl');
    writeFileSync(path, Array.from({ length: 200 }, () => rows()[0]).join('\n'));
    const script = `${process.execPath} ${join(import.meta.dirname, '../main.ts')} judge ${path} --model playground --json | head -1 | wc -l`;
    const child = spawn('bash', ['-o', 'pipefail', '-c', script]);
    let [out, err] = ['', ''];
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      err += data;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, out: out.trim(), err }).toEqual({ code: 0, out: '1', err: '' });
  });
});

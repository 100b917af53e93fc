import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { madeUpReport } from './made-up.contract.ts';
import type { Report } from './report.ts';
import { renderTable, tableOptions } from './table.ts';

const report = madeUpReport(60);
const width = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

/** All figures at their longest. */
const perfect: Report = {
  ...report,
  stages: report.stages.map((stage) => {
    const all = { accuracy: 1, bothOrders: 1, consistency: 1, invalid: 1 };
    const ends = [1, 1] as const;
    const intervals = { accuracy: ends, bothOrders: ends, consistency: ends, invalid: ends };
    const scores = Object.entries(stage.sets).map(
      ([source, own]) => [source, { ...own, ...all, intervals }] as const,
    );
    return { ...stage, sets: Object.fromEntries(scores) };
  }),
};

test('one line for each judge in 80 columns, controls apart', () => {
  const text = renderTable(report, { columns: 80, colour: false });
  expect(width(text)).toBeLessThanOrEqual(80);
  const lines = text.split('\n');
  expect(lines.slice(2, 9).map((line) => line.split(' ')[0])).toEqual([
    'M0',
    'M1-SFT',
    'M1-DPO',
    'M2-DPO',
    '',
    'direct',
    'unplanned',
  ]);
  const m0 = report.stages[0]?.sets.general;
  expect(lines[2]).toContain(`${((m0?.accuracy ?? 0) * 100).toFixed(1)} `);
});

test('the longest figures still fit and stay apart', () => {
  const text = renderTable(perfect, { columns: 80, colour: false });
  expect(width(text)).toBeLessThanOrEqual(80);
  expect(text.split('\n')[2]?.trim().split(/\s+/)).toEqual([
    'M0',
    ...Array(2).fill(['100.0', '100.0–100.0', '100.0', '100.0', '100']).flat(),
  ]);
});

test('a narrow terminal gets a stacked form', () => {
  for (const of of [report, perfect])
    expect(width(renderTable(of, { columns: 60, colour: false }))).toBeLessThanOrEqual(36);
});

test('further sources follow in blocks of their own, each with its header', () => {
  const of = madeUpReport(60, ['wiki', 'code', 'math']);
  const heads = (columns: number) =>
    renderTable(of, { columns, colour: false })
      .split('\n')
      .filter((line) => /^ +(?:wiki|math)/.test(line))
      .map((line) => line.trim().split(/\s+/));
  expect(heads(80)).toEqual([['wiki', 'code'], ['math']]);
  expect(heads(115)).toEqual([['wiki', 'code', 'math']]);
  const text = renderTable(of, { columns: 80, colour: false });
  expect(width(text)).toBeLessThanOrEqual(80);
  expect(text.match(/^M2-DPO /gm)).toHaveLength(2);
  expect(text.match(/^judge /gm)).toHaveLength(2);
  const alone = renderTable(madeUpReport(60, ['wiki']), { columns: 80, colour: false });
  expect(alone.split('\n')[0]).toBe(`${' '.repeat(12)}wiki`);
});

test('long and hostile names break nothing: judges take the room of a source, and what is too long is cut', () => {
  const long = 'a'.repeat(64);
  const of = madeUpReport(60, ['wiki', 'code', long]);
  const named = (name: string): Report => ({
    ...of,
    stages: of.stages.map((stage, i) => ({ ...stage, name: i === 3 ? name : stage.name })),
  });
  const sibling = renderTable(named('unplanned-or-not'), { columns: 80, colour: false });
  expect(sibling.match(/^unplanned-or-not {2,}\d/gm)).toHaveLength(3);
  expect(width(sibling)).toBeLessThanOrEqual(80);
  for (const columns of [80, 99]) {
    const text = renderTable(named(long), { columns, colour: false });
    expect(width(text)).toBeLessThanOrEqual(columns);
    expect(text.match(columns === 80 ? /^a{43}… {2}\d/gm : /^a{62}… {2}\d/gm)).toHaveLength(3);
    expect(text).toMatch(/^ +a{31}…$/m);
  }
  expect(width(renderTable(named(long), { columns: 50, colour: false }))).toBeLessThanOrEqual(50);
  expect(renderTable(named('\x1b[2Jx\n'), { columns: 80, colour: false })).toContain('\n·[2Jx· ');
});

test('without judges it says so', () => {
  expect(renderTable({ ...report, stages: [], sources: [] }, { columns: 80, colour: false })).toBe(
    'This run has no scores yet.\n',
  );
});

test('colour only where it is wanted, and never in the text itself', () => {
  const plain = renderTable(report, { columns: 80, colour: false });
  const coloured = renderTable(report, { columns: 80, colour: true });
  expect(coloured).not.toBe(plain);
  expect(stripVTControlCharacters(coloured)).toBe(plain);
  expect(tableOptions({ isTTY: true, columns: 100 }, {})).toEqual({ columns: 100, colour: true });
  expect(tableOptions({ isTTY: true, columns: 50 }, { NO_COLOR: '1' })).toEqual({
    columns: 50,
    colour: false,
  });
  expect(tableOptions({ isTTY: true }, { NO_COLOR: '' })).toEqual({ columns: 80, colour: true });
  expect(tableOptions({ columns: 50 }, {})).toEqual({ columns: 80, colour: false });
});

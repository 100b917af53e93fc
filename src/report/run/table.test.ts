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
    return {
      ...stage,
      general: { ...stage.general, ...all, intervals },
      math: { ...stage.math, ...all, intervals },
    };
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
  const m0 = report.stages[0]?.general;
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

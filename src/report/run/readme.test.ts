import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Report } from './report.ts';
import { renderTable } from './table.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

it('the README shows the table of a real run, as the command prints it', () => {
  const report = JSON.parse(read('docs/results/quick-0.json')) as Report;
  const [, shown = ''] = read('README.md').split(/<!-- table:(?:start|end) -->/);
  const lines = shown.trim().split('\n');
  const printed = renderTable(report, { columns: 80, colour: false }).trim().split('\n');
  expect(lines.map((line) => line.trim())).toEqual(printed.map((line) => line.trim()));
});

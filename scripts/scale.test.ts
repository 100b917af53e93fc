import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CLUSTER, type Data, GPU, type Machine, needs, PUBLISHED, publishedTable, times } from './scale.ts';

test('a small run, by hand', () => {
  const data: Data = {
    rounds: [10, 20],
    answersPerPair: 2,
    plans: 3,
    executions: 2,
    rowsPerPair: 4,
    tokens: { question: 10, judge: 50, plan: 20, execution: 100, answer: 30 },
    bytes: { thought: 1000, row: 500 },
  };
  const machine: Machine = {
    name: 'small',
    parameters: 1e9,
    trained: 1e9,
    written: 100,
    operations: 1e12,
    price: 2,
  };
  const found = needs(data, machine);
  // 30 pairs, 12 thoughts each: 3 plans × 2 orders × 2.
  expect(found).toMatchObject({ pairs: 30, thoughts: 360 });
  // Plans: 10 calls, then 20 in two orders; executions: 6 calls a pair; 60 answers.
  expect(found.calls).toBe(10 + 40 + 180 + 60);
  expect(found.completions).toBe(360 + 90 + 60);
  expect(found.promptTokens).toBe(10 * 10 + 40 * 50 + 180 * 70 + 60 * 10);
  expect(found.writtenTokens).toBe(36_000 + 1_800 + 1_800);
  // SFT: 10 rows of 170 tokens; DPO: 120 pairs of two.
  expect(found.trainedTokens).toBe(1_700 + 40_800);
  expect(found.gpuHours.sampling).toBeCloseTo(39_600 / 100 / 3600, 9);
  // All weights: 6 operations a parameter and token; the reference is 2 more.
  expect(found.gpuHours.training).toBeCloseTo((1_700 * 6e9 + 40_800 * 8e9) / 1e12 / 3600, 9);
  // Three trainings of four checkpoints of 2 GB.
  expect(found.bytes).toEqual({ ledger: 360_000, rows: 130 * 500, checkpoints: 24e9 });
  expect(found.money).toBeCloseTo(2 * (found.gpuHours.sampling + found.gpuHours.training), 9);
});

test('the published setting has as many thoughts as were published, and ten times the data takes ten times as much', () => {
  const published = needs(PUBLISHED, GPU);
  expect(published.thoughts).toBe(869_160);
  const more = needs(times(PUBLISHED, 10), GPU);
  for (const name of ['calls', 'writtenTokens', 'trainedTokens', 'money'] as const)
    expect(more[name] / published[name]).toBeCloseTo(10, 9);
  expect(more.bytes.checkpoints).toBe(published.bytes.checkpoints);
});

test('operations of a LoRA training are those that its source counts', () => {
  // 608 tokens a second of one GPU at 176 TFLOP/s: the 70.6 B parameters' two passes, without the weights' gradients.
  const { parameters, operations } = CLUSTER;
  expect(operations / (4 * parameters) / 608.42).toBeCloseTo(1, 1);
});

test('docs/scale.md has this table', () => {
  const doc = readFileSync(join(import.meta.dirname, '..', 'docs', 'scale.md'), 'utf8');
  expect(doc).toContain(publishedTable());
});

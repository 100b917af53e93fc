import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { scripted } from '../model/scripted.ts';
import type { Trainer } from '../trainer.ts';
import { runIn } from './run-in.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalplanner-open-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a source is told by all its rows once in a run, however long they are', async () => {
  let told = 0;
  const rows = Array.from({ length: 40 }, (_, i) => {
    const row = { instruction: `Name ${i} birds.`, chosen: 'owl', rejected: 'cat' };
    Object.defineProperty(row, 'toJSON', {
      value() {
        told++;
        return { ...row };
      },
    });
    return row;
  });
  const trainer: Trainer = {
    kinds: ['sft'],
    async train() {
      throw new Error('nothing is trained');
    },
    async close() {},
  };
  const enough = new Error('enough');
  const ran = runIn(
    join(folder, 'run'),
    {
      models: { judge: scripted(() => 'nothing') },
      trainer,
      sources: { own: { kind: 'pairs', from: rows } },
      rounds: [
        {
          pairs: { own: 2 },
          train: [{ kind: 'sft', learningRate: 1e-3, warmupSteps: 0, epochs: 1, batchSize: 1 }],
        },
      ],
      validation: { pairs: {} },
      test: { pairs: {} },
    },
    {
      onStart() {
        throw enough;
      },
    },
  );
  await expect(ran).rejects.toBe(enough);
  expect(told).toBe(rows.length);
});

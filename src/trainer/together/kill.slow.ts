import { join } from 'node:path';
import { expect } from 'vitest';
import type { Place } from '../child.contract.ts';
import { killContract } from '../kill.contract.ts';
import { KEY } from './server.contract.ts';
import { underTest } from './together.contract.ts';

process.env.TOGETHER_API_KEY = KEY;

/** Of 12 steps, 4, 8 and 12 leave a checkpoint. */
const PLACES: readonly Place[] = [
  // The job is asked for, and nothing here knows of it.
  { instead: 'rename', of: 'train.state', n: 1 },
  { after: 'step', n: 1 },
  { after: 'step', n: 4 },
  { amid: 'write', n: 3 },
  { instead: 'rename', of: 'step-4', n: 1 },
  { instead: 'rename', of: 'step-12', n: 1 },
  // Of a new training the first one, of the others the last.
  { instead: 'rename', of: 'training.json', n: 1 },
];

killContract('together', {
  script: join(import.meta.dirname, 'together-child.contract.ts'),
  make: (folder) =>
    underTest(folder, ({ jobs }) => {
      // However often it was killed.
      expect(new Set(jobs.map(({ asked }) => asked.suffix)).size).toBe(jobs.length);
      expect(new Set(jobs.map(({ status }) => status))).toEqual(new Set(['completed']));
    }),
  places: { sft: PLACES, dpo: PLACES },
});

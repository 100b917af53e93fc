import { join } from 'node:path';
import { inject } from 'vitest';
import type { Place } from '../child.contract.ts';
import { killContract } from '../kill.contract.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { trainerContract, type UnderTest } from '../trainer.contract.ts';
import { TrlTrainer } from './trainer.ts';

const python = inject('python');

async function make(folder: string): Promise<UnderTest> {
  const model = join(folder, 'M0');
  await writeStart(model);
  return { trainer: new TrlTrainer({ python: python as string }), model, optimisation: OPTIMISATION };
}

/** Of 12 steps, 4, 8 and 12 leave a checkpoint, 4 and 8 a state. The Python side ends with the process that is killed. */
const PLACES: readonly Place[] = [
  { after: 'step', n: 1 },
  { after: 'step', n: 4 },
  { after: 'step', n: 6 },
  { amid: 'write', n: 3 },
  // Of a new training the first one, of the others the last.
  { instead: 'rename', of: 'training.json', n: 1 },
];

if (python !== null) {
  process.env.EVALPLANNER_PYTHON = python;
  trainerContract('trl', make);
  killContract('trl', {
    script: join(import.meta.dirname, 'child.contract.ts'),
    make,
    places: { sft: PLACES, dpo: PLACES.slice(1, 3) },
  });
}

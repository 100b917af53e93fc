import { join } from 'node:path';
import type { Place } from './child.contract.ts';
import { killContract } from './kill.contract.ts';
import { openEmbeddedTrainer } from './open-embedded.ts';
import { OPTIMISATION, writeStart } from './start.contract.ts';

/** Of 12 steps, 4, 8 and 12 leave a checkpoint and then a state. */
const PLACES: readonly Place[] = [
  { after: 'step', n: 1 },
  { after: 'step', n: 4 },
  { instead: 'rename', of: 'step-4', n: 1 },
  { instead: 'rename', of: 'train.state', n: 1 },
  { instead: 'rename', of: 'train.state', n: 2 },
  { after: 'step', n: 6 },
  { amid: 'write', n: 3 },
  { instead: 'rename', of: 'step-12', n: 1 },
  // Of a new training the first one, of the others the last.
  { instead: 'rename', of: 'training.json', n: 1 },
];

killContract('embedded', {
  script: join(import.meta.dirname, 'embedded-child.contract.ts'),
  async make(folder) {
    const model = join(folder, 'M0');
    await writeStart(model);
    return { trainer: await openEmbeddedTrainer(), model, optimisation: OPTIMISATION };
  },
  // The first lines that DPO writes are of its reference.
  places: { sft: PLACES, dpo: [{ amid: 'write', n: 2 }, ...PLACES] },
});

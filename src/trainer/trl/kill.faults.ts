import { join } from 'node:path';
import { inject } from 'vitest';
import { killContract } from '../kill.contract.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { TrlTrainer } from './trainer.ts';

const python = inject('python');

/** Of 12 steps, 4, 8 and 12 leave a checkpoint, 4 and 8 a state. The Python side ends with the process that is killed. */
if (python !== null) {
  process.env.EVALPLANNER_PYTHON = python;
  killContract('trl', {
    script: join(import.meta.dirname, 'child.contract.ts'),
    async make(folder) {
      const model = join(folder, 'M0');
      await writeStart(model);
      return { trainer: new TrlTrainer({ python }), model, optimisation: OPTIMISATION };
    },
    places: {
      sft: [
        { after: 'step', n: 1 },
        { after: 'step', n: 6 },
        { amid: 'write', n: 3 },
        // Of a new training the first one, of the others the last.
        { instead: 'rename', of: 'training.json', n: 1 },
      ],
      dpo: [{ after: 'step', n: 6 }],
    },
  });
}

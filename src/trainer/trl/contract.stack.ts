import { join } from 'node:path';
import { inject } from 'vitest';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { trainerContract } from '../trainer.contract.ts';
import { TrlTrainer } from './trainer.ts';

const python = inject('python');

/** DPO takes the same ways, and what is its own is in agreement.stack.ts and kill.faults.ts: each training here starts a process, which
 * loads its libraries for seconds. */
class SftAlone extends TrlTrainer {
  override readonly kinds = ['sft'] as unknown as TrlTrainer['kinds'];
}

if (python !== null)
  trainerContract('trl', async (folder) => {
    const model = join(folder, 'M0');
    await writeStart(model);
    return { trainer: new SftAlone({ python }), model, optimisation: OPTIMISATION };
  });

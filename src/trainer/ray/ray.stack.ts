import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import type { Place } from '../child.contract.ts';
import { killContract } from '../kill.contract.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { trainerContract, type UnderTest } from '../trainer.contract.ts';
import { RayHead, rayBin } from './head.contract.ts';
import { RayTrainer } from './trainer.ts';

const bin = rayBin();

/** Of 12 steps, 4, 8 and 12 leave a checkpoint, 4 and 8 a state. The job goes on where the process that follows it is killed. */
const PLACES: readonly Place[] = [
  { instead: 'rename', of: 'ray.json', n: 2 },
  { after: 'step', n: 1 },
  { amid: 'write', n: 3 },
  { instead: 'rename', of: 'step-12', n: 1 },
  // Of a new training the first one, of the others the last.
  { instead: 'rename', of: 'training.json', n: 1 },
];

describe.skipIf(bin === null)('with a head of Ray on loopback', () => {
  let head: RayHead;
  beforeAll(async () => {
    head = await RayHead.start(bin as string);
    process.env.RAY_TOKEN_OF_THE_TEST = head.token;
  });
  afterAll(() => head.close());

  async function make(folder: string): Promise<UnderTest> {
    const [model, shared] = [join(folder, 'M0'), join(folder, 'shared')];
    await writeStart(model);
    await mkdir(shared);
    Object.assign(process.env, { RAY_ADDRESS_OF_THE_TEST: head.address, RAY_SHARED_OF_THE_TEST: shared });
    const trainer = new RayTrainer(
      { address: head.address, shared, tokenEnv: 'RAY_TOKEN_OF_THE_TEST' },
      { poll: 1000 },
    );
    return { trainer, model, optimisation: OPTIMISATION };
  }

  trainerContract('ray', make);
  killContract('ray', {
    script: join(import.meta.dirname, 'child.contract.ts'),
    make,
    places: { sft: PLACES.slice(0, 2), dpo: PLACES },
  });
});

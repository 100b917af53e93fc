import { trainAndDie } from '../child.contract.ts';
import { RayTrainer } from './trainer.ts';

/** Where the head is that the suite has started. */
const { RAY_ADDRESS_OF_THE_TEST: address = '', RAY_SHARED_OF_THE_TEST: shared = '' } = process.env;

await trainAndDie(
  async () => new RayTrainer({ address, shared, tokenEnv: 'RAY_TOKEN_OF_THE_TEST' }, { poll: 1000 }),
);

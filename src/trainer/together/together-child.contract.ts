import { trainAndDie } from '../child.contract.ts';
import { contractTrainer } from './together.contract.ts';

await trainAndDie(async () => contractTrainer(JSON.parse(process.env.MADE_UP_TOGETHER as string)));

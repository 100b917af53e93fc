import { trainAndDie } from '../child.contract.ts';
import { TrlTrainer } from './trainer.ts';

await trainAndDie(async () => new TrlTrainer());

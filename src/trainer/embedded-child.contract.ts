import { trainAndDie } from './child.contract.ts';
import { openEmbeddedTrainer } from './open-embedded.ts';

await trainAndDie(openEmbeddedTrainer);

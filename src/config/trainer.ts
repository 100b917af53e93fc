import { z } from 'zod';
import type { Trainer } from '../trainer.ts';
import { has } from './parts.ts';
import { ray } from './trainer/ray.ts';
import { together } from './trainer/together.ts';
import { trl } from './trainer/trl.ts';

/** Trainers that are no default, by their kind. */
const named = z.discriminatedUnion('kind', [trl, ray, together]);

export const trainer = z
  .union([z.literal('embedded'), named, z.custom<Trainer>(isTrainer)])
  .default('embedded')
  .describe('What trains; where it runs does not change what a run is.');

export type TrainerChoice = z.output<typeof trainer>;

/** A trainer of the caller's own, which a file cannot hold. */
export function isTrainer(value: unknown): value is Trainer {
  return has(value, 'kinds', 'object') && has(value, 'train', 'function');
}

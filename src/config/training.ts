import { z } from 'zod';
import { count, name, whole } from './parts.ts';

export const lora = z
  .strictObject({
    rank: whole,
    /** The adapter's product is scaled by alpha / rank. */
    alpha: z.number(),
    targets: z.union([z.array(z.string()).min(1), z.literal('all-linear')]),
    merge: z.boolean().optional(),
  })
  .describe('Train a low-rank adapter in place of the weights (arXiv 2106.09685).');

export const optimisation = {
  learningRate: z.number().positive(),
  warmupSteps: count,
  epochs: whole,
  batchSize: whole.describe('Rows per optimiser step: SFT rows or preference pairs.'),
  lora: lora.nullable().optional().describe("In place of the config's; null: all weights."),
};

const sft = z.strictObject({
  kind: z.literal('sft'),
  name: name.optional().describe('Of the judge that it makes; M1-SFT in the first round when absent.'),
  ...optimisation,
  thoughtsPerPair: whole
    .default(1)
    .describe('Correct thoughts of each pair that become rows; the method states one.'),
  plans: z
    .enum(['any', 'best'])
    .default('any')
    .describe('best: only thoughts of those plans that have led to the right verdict most often.'),
  verdictWeight: z
    .number()
    .nonnegative()
    .optional()
    .describe("Weight of the verdict's tokens in the loss, where that of others is 1; 1 when absent."),
});

const dpo = z.strictObject({
  kind: z.literal('dpo'),
  name: name.optional().describe('Of the judge that it makes; M1-DPO in the first round when absent.'),
  ...optimisation,
  beta: z.number().positive().default(0.1),
  nllWeight: z
    .number()
    .nonnegative()
    .default(1.5)
    .describe('Weight of the negative log-likelihood of the chosen thought.'),
});

export const training = z.discriminatedUnion('kind', [sft, dpo]);

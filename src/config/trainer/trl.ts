import { z } from 'zod';
import { whole } from '../parts.ts';

/** Training by TRL in a Python process on this machine. */
export const trl = z.strictObject({
  kind: z.literal('trl'),
  python: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The Python interpreter that has the packages; that of `evalplanner doctor --install trl` when absent.',
    ),
  precision: z
    .enum(['float32', 'bfloat16'])
    .optional()
    .describe('bfloat16: computed in it by autocast, the weights stay float32; float32 when absent.'),
  gradientCheckpointing: z
    .boolean()
    .optional()
    .describe('Compute activations again for the gradient: less memory, more time.'),
  microBatch: whole
    .optional()
    .describe('Rows that a process computes at a time; its share of a step when absent.'),
  processes: whole.optional().describe('Started by `accelerate launch` where more than one.'),
  accelerate: z
    .string()
    .min(1)
    .optional()
    .describe('fsdp, zero2, zero3, or the file of a config of accelerate.'),
});

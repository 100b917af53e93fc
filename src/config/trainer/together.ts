import { z } from 'zod';

/** Training at together.ai, for money. */
export const together = z.strictObject({
  kind: z.literal('together'),
  model: z
    .string()
    .min(1)
    .describe(
      'What together.ai calls M0, among the models that it fine-tunes: the very weights of models.judge.',
    ),
  apiKeyEnv: z
    .string()
    .min(1)
    .optional()
    .describe('The environment variable that holds the key; TOGETHER_API_KEY when absent.'),
  apiKeyFile: z.string().min(1).optional().describe('A file that holds the key and nothing else.'),
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('https://api.together.ai/v1 when absent.'),
  suffix: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'has to be 1 to 31 small letters, digits and dashes')
    .optional()
    .describe("Stands before the training's key in the names of what is trained; evalplanner when absent."),
  rows: z
    .enum(['tokens', 'messages'])
    .optional()
    .describe(
      'How rows of SFT are sent. tokens (default): token ids and masks as every trainer here has them, filled up to one length. messages: the service tokenises, by its own template. Of DPO it takes messages only.',
    ),
  maxCost: z
    .number()
    .positive()
    .optional()
    .describe("The most that a training may cost by the service's estimate, in dollars."),
});

import { z } from 'zod';
import type { Model } from '../model.ts';
import { count, has, whole } from './parts.ts';

const price = z.number().nonnegative();

export const prices = z
  .strictObject({ prompt: price, completion: price, cached: price.optional() })
  .describe('Of a million tokens.');

/** A model by its name, with what its server wants to know. */
const named = z.strictObject({
  model: z
    .string()
    .min(1)
    .describe('playground, a folder, openai:NAME@URL, vllm:NAME@URL[,URL…], ai:PROVIDER/NAME.'),
  api: z
    .enum(['chat', 'completions'])
    .optional()
    .describe('chat (default) for instruct models, completions for judges trained on raw prompts.'),
  prefill: z
    .enum(['continue_final_message', 'prefix', 'assistant', 'none'])
    .optional()
    .describe(
      'How a chat is told that its answer already begins: continue_final_message for vLLM and SGLang, prefix for DeepSeek and Mistral, assistant for llama-server and OpenRouter.',
    ),
  apiKeyEnv: z
    .string()
    .optional()
    .describe('The environment variable with the key; OPENAI_API_KEY for OpenAI when absent.'),
  apiKeyFile: z.string().optional(),
  revision: z.string().optional().describe('Names the weights behind a server, in place of its address.'),
  seeds: z
    .boolean()
    .optional()
    .describe('false sends no seeds, for servers that fail by them. Samples then differ from run to run.'),
  concurrency: whole.optional().describe('Most calls in flight.'),
  timeout: z.number().positive().optional().describe('Seconds of one call.'),
  prices: prices.optional(),
  body: z.record(z.string(), z.unknown()).optional().describe('Further fields of each request.'),
});

export const model = z.union([z.string().min(1), named, z.custom<Model>(isModel)]);

export type ModelChoice = z.output<typeof model>;

export const budget = z
  .strictObject({
    cost: z
      .number()
      .positive()
      .optional()
      .describe("Never spend more than this, in the currency of the models' prices."),
    tokens: count.optional().describe('Of prompts and answers together, from all models.'),
    hours: z.number().positive().optional().describe('Of work, interruptions left out.'),
  })
  .describe('A run that reaches one of them stops, keeps what it has, and goes on when it is raised.');

export function isModel(value: unknown): value is Model {
  return has(value, 'revision', 'string') && has(value, 'generate', 'function');
}

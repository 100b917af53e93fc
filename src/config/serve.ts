import { z } from 'zod';
import { isModel, type ModelChoice } from './model.ts';
import { whole } from './parts.ts';

const address = z
  .string()
  .regex(
    /^https?:\/\/[^\s@]+$/,
    'has to be an address as http://127.0.0.1:8000/v1, without a user or password',
  );
const addresses = z.union([address, z.array(address).min(1)]);
const seconds = z.number().positive();

/** What every server wants to know. */
const asked = {
  apiKeyEnv: z.string().optional().describe('The environment variable with the key of the server.'),
  apiKeyFile: z.string().optional(),
  concurrency: whole.optional().describe('Most calls in flight.'),
  timeout: seconds.optional().describe('Seconds of one call.'),
  body: z.record(z.string(), z.unknown()).optional().describe('Further fields of each request.'),
};
const seeds = z
  .boolean()
  .default(true)
  .describe('false: requests hold no seed, which ends the engine of vLLM on a CPU.');

const vllm = z
  .strictObject({
    kind: z.literal('vllm'),
    url: addresses.describe('Of every replica, up to and with its /v1.'),
    base: z
      .string()
      .min(1)
      .optional()
      .describe('What the servers call M0, where they have it in another place than this machine.'),
    seeds,
    ...asked,
  })
  .describe(
    'M0 on running vLLM servers (--enable-lora, VLLM_ALLOW_RUNTIME_LORA_UPDATING=True), into which each new adapter is loaded under a name of its own.',
  );

const restart = z
  .strictObject({
    kind: z.literal('restart'),
    command: z
      .array(z.string().min(1))
      .min(1)
      .refine(
        (command) => command.some((part) => part.includes('{model}')),
        'has to say where the folder of the checkpoint goes: {model}',
      )
      .describe(
        'A program and its arguments; {model} stands for the folder of a checkpoint, {name} for a name that holds the hash of its weights, {port} for the port.',
      ),
    url: addresses
      .optional()
      .describe(
        'Where the servers answer that the command restarts; absent: the command is the server itself.',
      ),
    port: whole.max(65_535).optional().describe('Of a server that is started here; a free one when absent.'),
    startSeconds: seconds
      .default(900)
      .describe('Until a server has to answer that it serves the checkpoint.'),
    prefill: z.enum(['continue_final_message', 'prefix', 'assistant', 'none']).optional(),
    seeds,
    ...asked,
  })
  .describe('A server that is started, or restarted by a command of yours, with each checkpoint.');

const transformers = z
  .strictObject({
    kind: z.literal('transformers'),
    url: address.describe('Up to and with its /v1.'),
    ...asked,
  })
  .describe('`transformers serve`, which loads the checkpoint that a request names by its path.');

export const serve = z
  .union([z.literal('embedded'), z.discriminatedUnion('kind', [vllm, restart, transformers])])
  .default('embedded')
  .describe('What samples M0 and the judges that are trained from it.');

export type ServeChoice = z.output<typeof serve>;

type Lora = { readonly merge?: boolean | undefined } | null | undefined;

/** What of a config decides whether its checkpoints can be served. */
interface Served {
  readonly serve: ServeChoice;
  readonly models: { readonly judge: ModelChoice };
  readonly lora?: Lora;
  readonly rounds: readonly { readonly train: readonly { readonly lora?: Lora }[] }[];
  readonly controls: { readonly direct?: { readonly lora?: Lora } | undefined };
}

type Fault = readonly [path: readonly (string | number)[], message: string];

/** Trainings whose checkpoints could not be served, and a judge that is none of this machine's. */
export function faultsOfServe({ serve, models: { judge }, lora: all, rounds, controls }: Served): Fault[] {
  if (serve === 'embedded') return [];
  const name = typeof judge === 'string' ? judge : isModel(judge) ? '' : judge.model;
  if (name === '' || /^(openai|ai|vllm):/.test(name))
    return [
      [['models', 'judge'], 'serve puts checkpoints of this machine into service: expected a folder or hf:…'],
    ];
  const { direct } = controls;
  const trainings: (readonly [Lora, Fault[0]])[] = [
    ...rounds.flatMap(({ train }, i) =>
      train.map(({ lora = all }, j) => [lora, ['rounds', i, 'train', j, 'lora']] as const),
    ),
    ...(direct
      ? [[direct.lora === undefined ? all : direct.lora, ['controls', 'direct', 'lora']] as const]
      : []),
  ];
  return trainings.flatMap(([lora, path]): Fault[] => {
    const fault = faultOf(serve.kind, lora);
    return fault === null ? [] : [[path, fault]];
  });
}

function faultOf(kind: Exclude<ServeChoice, 'embedded'>['kind'], lora: Lora): string | null {
  const whole = !lora || lora.merge === true;
  if (kind === 'vllm')
    return whole
      ? 'vLLM loads adapters into a running server: expected lora, without merge; whole checkpoints by serve: {kind: restart, …}'
      : null;
  return whole
    ? null
    : `serve: {kind: ${kind}} loads whole checkpoints: expected lora.merge: true, or serve: {kind: vllm, …}`;
}

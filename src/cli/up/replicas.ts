import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { EvalPlannerError } from '../../errors.ts';
import { placeOf } from '../../open/names.ts';

export interface VllmSetup {
  readonly model: string;
  readonly replicas: number;
  readonly host: string;
  readonly port: number;
  /** Of each replica; 0: the CPU. */
  readonly gpus: number;
  readonly servedModelName?: string;
  readonly maxModelLen?: number;
  readonly dtype?: string;
  /** The highest rank of adapters that are loaded while it runs. */
  readonly lora?: number;
  readonly apiKeyEnv?: string;
  readonly vllm: string;
  /** Further options of `vllm serve`. */
  readonly more: readonly string[];
}

/** One server: how it is started. */
export interface Replica {
  readonly port: number;
  readonly url: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** What vLLM loads: a name on the hub, or a folder as seen from anywhere. Throws EvalPlannerError `usage` for a model that it cannot. */
export function sourceOf(model: string): string {
  const place = placeOf(model);
  if (place.kind === 'folder') {
    const { folder } = place;
    const named = /^hf:([^@]+)$/.exec(folder)?.[1];
    if (named !== undefined) return named;
    if (!folder.startsWith('hf:') && !folder.endsWith('.gguf') && existsSync(folder)) return resolve(folder);
  }
  throw new EvalPlannerError(
    'usage',
    `${model} is nothing that vLLM loads from here`,
    'name hf:OWNER/NAME (a revision behind --: --revision REV), or the folder of a checkpoint',
  );
}

export const servedName = ({ model, servedModelName }: VllmSetup): string =>
  servedModelName ?? model.replace(/^hf:/, '');

/** The options of `vllm serve` that are the same wherever it runs. */
export function engineOptions({ gpus, dtype, maxModelLen, lora, more }: VllmSetup): string[] {
  return [
    ...(gpus > 1 ? ['--tensor-parallel-size', `${gpus}`] : []),
    ...(dtype === undefined ? [] : ['--dtype', dtype]),
    ...(maxModelLen === undefined ? [] : ['--max-model-len', `${maxModelLen}`]),
    ...(lora === undefined ? [] : ['--enable-lora', '--max-lora-rank', `${lora}`]),
    ...more,
  ];
}

/** Where adapters come while it runs. */
export const loraEnv = ({ lora }: VllmSetup): Record<string, string> =>
  lora === undefined ? {} : { VLLM_ALLOW_RUNTIME_LORA_UPDATING: 'True' };

/** The servers of a machine of so many cores, one after the other. */
export function replicasOf(setup: VllmSetup, cores: number): Replica[] {
  const { replicas, host, port, gpus, vllm } = setup;
  if (port + replicas - 1 > 65535)
    throw new EvalPlannerError('usage', 'the last replica has no port', 'give a lower --port');
  return Array.from({ length: replicas }, (_, index) => {
    const own = port + index;
    const devices = Array.from({ length: gpus }, (_, device) => index * gpus + device);
    return {
      port: own,
      url: `http://${/^(0\.0\.0\.0|::)$/.test(host) ? '127.0.0.1' : host}:${own}`,
      argv: [
        ...[vllm, 'serve', sourceOf(setup.model), '--host', host, '--port', `${own}`],
        ...['--served-model-name', servedName(setup), ...engineOptions(setup)],
      ],
      env: {
        ...(gpus === 0
          ? { VLLM_CPU_OMP_THREADS_BIND: coresOf(index, replicas, cores) }
          : { CUDA_VISIBLE_DEVICES: devices.join(',') }),
        ...loraEnv(setup),
      },
    };
  });
}

/** By itself vLLM keeps a core for others, and two replicas take the same ones. */
function coresOf(index: number, replicas: number, cores: number): string {
  const first = Math.floor((index * cores) / replicas);
  const last = Math.max(first, Math.floor(((index + 1) * cores) / replicas) - 1);
  return first === last ? `${first}` : `${first}-${last}`;
}

/** The name of the model behind them. */
export const modelName = (setup: VllmSetup, urls: readonly string[]): string =>
  `vllm:${servedName(setup)}@${urls.join(',')}`;

/** As a POSIX shell reads it; the key is the shell's to fill in. */
export function commandLine({ argv, env }: Replica, apiKeyEnv?: string): string {
  const key = apiKeyEnv === undefined ? [] : [`VLLM_API_KEY="$${apiKeyEnv}"`];
  const set = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`);
  return [...key, ...set, ...argv.map(quoted)].join(' ');
}

const quoted = (word: string) =>
  /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

import { setTimeout as wait } from 'node:timers/promises';
import { freePort, lastLines, StartedServer } from '../../src/model/served/process.ts';
import { Server } from '../../src/model/served/server.ts';

export interface RunningVllm {
  /** Up to and with its `/v1`. */
  readonly url: string;
  /** Milliseconds until it answered. */
  readonly took: number;
  /** Ends it and all that it started. */
  close(): Promise<void>;
  readonly server: StartedServer;
}

export interface VllmSettings {
  readonly log: string;
  readonly maxLength: number;
  /** GB of the cache. */
  readonly cache: number;
  readonly maxLoraRank: number;
  readonly port?: number;
}

/** vLLM on this machine's processor, which loads adapters while it runs. */
export async function startVllm(
  python: string,
  model: string,
  { log, maxLength, cache, maxLoraRank, port }: VllmSettings,
): Promise<RunningVllm> {
  const began = performance.now();
  const own = port ?? (await freePort());
  const env = [
    `VLLM_CPU_KVCACHE_SPACE=${cache}`,
    // By itself it leaves a core to others.
    'VLLM_CPU_OMP_THREADS_BIND=0-1',
    'VLLM_ALLOW_RUNTIME_LORA_UPDATING=True',
    'VLLM_NO_USAGE_STATS=1',
    'HF_HUB_OFFLINE=1',
  ];
  const flags = {
    host: '127.0.0.1',
    port: own,
    // A processor without bfloat16 computes it slowly.
    dtype: 'float32',
    'max-model-len': maxLength,
    'max-lora-rank': maxLoraRank,
  };
  const server = new StartedServer(
    [
      ...['env', ...env, python, '-m', 'vllm.entrypoints.cli.main', 'serve', model, '--enable-lora'],
      // What is compiled pays after longer than a test takes.
      '--enforce-eager',
      ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ],
    log,
  );
  const url = `http://127.0.0.1:${own}/v1`;
  const asked = new Server(url, {});
  for (;;) {
    if (server.code !== null) throw new Error(`vLLM ended (${server.code}): ${await lastLines(log, 8)}`);
    const listed = await asked.models().catch(() => null);
    if (listed) break;
    await wait(500);
  }
  return { url, took: performance.now() - began, server, close: () => server.end() };
}

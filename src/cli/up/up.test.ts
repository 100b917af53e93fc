import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { SEED_FOLDER } from '../../package.ts';
import { run } from '../run.contract.ts';
import { kubernetesManifest } from './kubernetes.ts';
import { commandLine, type Replica, replicasOf, type VllmSetup } from './replicas.ts';
import { runReplicas } from './start.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-up-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const SETUP: VllmSetup = {
  model: 'hf:OWNER/NAME',
  replicas: 2,
  host: '127.0.0.1',
  port: 8000,
  gpus: 1,
  vllm: 'vllm',
  more: [],
};
const up = (...args: string[]) => run('up', 'vllm', ...args);

describe('command lines', () => {
  test('of replicas, each with its port and GPUs, and the name of the model behind them', async () => {
    const { code, out } = await up(
      '--model',
      'hf:OWNER/NAME',
      '--replicas',
      '2',
      '--gpus',
      '2',
      '--lora',
      '64',
    );
    const line = (devices: string, port: number) =>
      `CUDA_VISIBLE_DEVICES=${devices} VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve OWNER/NAME --host 127.0.0.1 --port ${port} --served-model-name OWNER/NAME --tensor-parallel-size 2 --enable-lora --max-lora-rank 64`;
    expect({ code, out }).toEqual({
      code: 0,
      out: `${line('0,1', 8000)}\n${line('2,3', 8001)}\n# vllm:OWNER/NAME@http://127.0.0.1:8000,http://127.0.0.1:8001\n`,
    });
  });

  test('on a CPU share its cores, and take further options; a key is named, never shown', async () => {
    const cores = (replicas: number, of: number) =>
      replicasOf({ ...SETUP, gpus: 0, replicas }, of).map(({ env }) => env.VLLM_CPU_OMP_THREADS_BIND);
    expect(cores(1, 2)).toEqual(['0-1']);
    expect(cores(2, 2)).toEqual(['0', '1']);
    expect(cores(3, 8)).toEqual(['0-1', '2-4', '5-7']);
    expect(cores(2, 1)).toEqual(['0', '0']);
    process.env.UP_TEST_KEY = 'canary';
    const { out } = await up(
      ...['--model', 'playground', '--gpus', '0', '--dtype', 'float32', '--api-key-env', 'UP_TEST_KEY'],
      ...['--', '--max-num-seqs', '64'],
    );
    delete process.env.UP_TEST_KEY;
    expect(out).toContain(`serve ${join(SEED_FOLDER, 'model')} --host`);
    expect(out).toMatch(/^VLLM_API_KEY="\$UP_TEST_KEY" .* --dtype float32 --max-num-seqs 64$/m);
    expect(out).not.toContain('canary');
  });

  test('are words of a shell whatever they hold', () => {
    const word = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 40 }), (words) => {
        const replica: Replica = { port: 1, url: '', argv: ['printf', '%s\\0', ...words], env: {} };
        const said = execFileSync('/bin/sh', ['-c', commandLine(replica)]).toString();
        expect(said).toBe(words.map((each) => `${each.toWellFormed()}\0`).join(''));
      }),
      { numRuns: 4 },
    );
  });

  test.each([
    [['--model', 'openai:x@http://h/v1'], 'nothing that vLLM loads'],
    [['--model', './not/there'], 'nothing that vLLM loads'],
    [['--model', 'hf:OWNER/NAME', '--port', '65535', '--replicas', '2'], 'no port'],
    [['--model', 'hf:OWNER/NAME', '--start', '--for', 'ray'], '--start runs servers here'],
    [['--model', 'hf:OWNER/NAME', '--api-key-env', 'sk-1 2'], 'no name of a variable'],
  ])('%j is refused', async (args, said) => {
    expect(await up(...args)).toMatchObject({ code: 2, err: expect.stringContaining(said) });
  });
});

describe('a manifest', () => {
  const args = ['--model', 'hf:OWNER/NAME', '--replicas', '3', '--lora', '64', '--max-model-len', '4096'];

  test('of Ray Serve holds replicas of one model behind one address', async () => {
    const { out } = await up(...args, '--gpus', '2', '--for', 'ray', '--', '--gpu-memory-utilization=0.8');
    expect(out).toMatch(/^# .*not tried on a cluster\.$/m);
    const [application] = (parse(out) as { applications: { args: { llm_configs: object[] } }[] })
      .applications;
    expect(application).toMatchObject({ import_path: 'ray.serve.llm:build_openai_app', route_prefix: '/' });
    expect(application?.args.llm_configs).toEqual([
      {
        model_loading_config: { model_id: 'OWNER/NAME', model_source: 'OWNER/NAME' },
        deployment_config: expect.objectContaining({ num_replicas: 3 }),
        engine_kwargs: {
          tensor_parallel_size: 2,
          max_model_len: 4096,
          enable_lora: true,
          max_lora_rank: 64,
          gpu_memory_utilization: 0.8,
        },
        runtime_env: { env_vars: { VLLM_ALLOW_RUNTIME_LORA_UPDATING: 'True' } },
      },
    ]);
  });

  test('of Kubernetes gives each replica a name of its own, by which it is asked', async () => {
    const { out } = await up(...args, '--for', 'kubernetes', '--api-key-env', 'KEY');
    expect(out).toMatch(/^# .*not tried on a cluster\.$/m);
    // biome-ignore lint/suspicious/noExplicitAny: manifests
    const [service, set] = parseAllDocuments(out).map((document) => document.toJS() as any);
    const { name } = set.metadata;
    expect(service).toMatchObject({ apiVersion: 'v1', kind: 'Service', metadata: { name } });
    expect(set).toMatchObject({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      spec: { replicas: 3, serviceName: name },
    });
    const { labels } = set.spec.template.metadata;
    expect(service.spec.selector).toEqual(labels);
    expect(set.spec.selector.matchLabels).toEqual(labels);
    const [container] = set.spec.template.spec.containers;
    expect(container.resources.limits).toEqual({ 'nvidia.com/gpu': 1 });
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
      expect(container[probe].httpGet).toEqual({ path: '/health', port: container.ports[0].name });
    expect(out.trim().split('\n').at(-1)).toBe(
      `# vllm:OWNER/NAME@${[0, 1, 2].map((i) => `http://${name}-${i}.${name}:8000`).join(',')}`,
    );
  });

  test('has names that Kubernetes takes, of any model', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 90 }), (servedModelName) => {
        const { objects } = kubernetesManifest({ ...SETUP, servedModelName });
        for (const { metadata } of objects as { metadata: { name: string } }[])
          expect(`${metadata.name}-100`).toMatch(/^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      }),
    );
  });
});

/** A program that is called as vLLM is: it starts a child, says it is well after a while, or ends by itself. */
function program(name: string, body: string): string {
  const path = join(root, name);
  writeFileSync(path, `#!${process.execPath}\n${body}`);
  chmodSync(path, 0o755);
  return path;
}
const SERVER = `
const { spawn } = require('node:child_process');
const port = Number(process.argv[process.argv.indexOf('--port') + 1]);
const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
console.log('child', child.pid, process.env.VLLM_API_KEY);
require('node:http').createServer((_, response) => response.end()).listen(port, '127.0.0.1');
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('--start', () => {
  const started = async (vllm: string, signal: AbortSignal, port?: number) => {
    const logs = mkdtempSync(join(root, 'logs-'));
    const replicas = replicasOf({ ...SETUP, replicas: 1, port: port ?? (await freePort()), vllm }, 2);
    const done = runReplicas(replicas, { host: '127.0.0.1', logs, wait: 20, name: 'vllm:m@url' }, signal);
    return { done, log: join(logs, `vllm-${replicas[0]?.port}.log`) };
  };

  test('runs them until it is stopped, and ends all that they started', async () => {
    const controller = new AbortController();
    const { done, log } = await started(program('server', SERVER), controller.signal);
    while (!(existsSync(log) && /child \d+/.test(readFileSync(log, 'utf8')))) await sleep(20);
    const child = Number(/child (\d+)/.exec(readFileSync(log, 'utf8'))?.[1]);
    expect(statSync(log).mode & 0o777).toBe(0o600);
    expect(exists(child)).toBe(true);
    controller.abort();
    await done;
    while (exists(child)) await sleep(20);
  });

  test('tells why one ended before it was well, and what it is not that is there already', async () => {
    const { signal } = new AbortController();
    const failing = program('failing', 'console.log("torch is missing"); process.exitCode = 3;');
    await expect((await started(failing, signal)).done).rejects.toMatchObject({
      code: 'model',
      message: expect.stringMatching(/ended with 3: torch is missing$/),
    });
    await expect((await started(join(root, 'none'), signal)).done).rejects.toMatchObject({
      message: expect.stringContaining('could not be started'),
    });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect((await started(failing, signal, port)).done).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('EADDRINUSE'),
    });
    other.close();
  });
});

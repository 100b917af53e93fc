import { existsSync } from 'node:fs';
import { isAbsolute, resolve, sep } from 'node:path';
import { EvalPlannerError } from '../../errors.ts';
import { hubOrigin } from '../local/hub.ts';
import { type Identity, identify } from '../local/identity.ts';
import type { KeySource } from '../remote/secret.ts';
import { vllm } from '../vllm.ts';
import type { Checkpoint, Loaded, Loader } from './served.ts';
import { type ServedName, Server } from './server.ts';

export interface VllmLoraOptions extends KeySource {
  /** Of every replica, up to and with its `/v1`. */
  readonly url: readonly string[];
  /** What the servers call the start; they are asked for the folder that they were started with where it is absent. */
  readonly base?: string | undefined;
  /** The start: a checkpoint that the servers have, or an adapter on one. */
  readonly start: string;
  /** Adapters from below this folder are this run's, and none but the last is left loaded. */
  readonly own: string;
}

/** Milliseconds of the loading of an adapter. */
const LOADING = 600_000;

/** Adapters loaded into running vLLM servers: each under a name of its own, which holds the hash of its weights, on every replica.
 * https://docs.vllm.ai/en/latest/features/lora/ */
export class VllmLora implements Loader {
  readonly client = vllm;
  readonly prefill = 'continue_final_message';
  readonly #options: VllmLoraOptions;
  readonly #servers: readonly Server[];
  /** Those that were loaded here. */
  readonly #loaded = new Set<string>();

  constructor(options: VllmLoraOptions) {
    this.#options = options;
    this.#servers = options.url.map((url) => new Server(url, options));
  }

  api(chat: boolean) {
    return chat ? ('chat' as const) : ('completions' as const);
  }

  async ready(_start: Checkpoint, signal?: AbortSignal): Promise<void> {
    await this.#base(signal);
    for (const server of this.#servers) {
      // It names no adapter: a server that loads some refuses it, one that does not has no such address.
      const { status, text } = await server.post(LOAD, { lora_name: '', lora_path: '' }, { signal });
      if (status === 404 || status === 405) throw noLoading(server, text);
    }
  }

  async load(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Loaded> {
    const base = await this.#base(signal);
    const baseURL = this.#servers.map(({ url }) => url);
    if (checkpoint.weights === base.weights) return { baseURL, model: base.id, body: PLAIN };
    if (checkpoint.base === undefined)
      throw new EvalPlannerError(
        'usage',
        `${checkpoint.name} is a whole checkpoint, and vLLM takes adapters into a running server`,
        'train adapters (lora, without merge), or serve whole checkpoints: serve: {kind: restart, …}',
      );
    if ((await identify(checkpoint.base)).weights !== base.weights)
      throw new EvalPlannerError(
        'model',
        `${checkpoint.name} is an adapter on ${checkpoint.base}, which is not what ${baseURL.join(' ')} serve`,
        'start the servers with the base of the adapters',
      );
    const name = servedName(checkpoint);
    const path = resolve(checkpoint.folder);
    const adapter = { name, path, parent: base.id };
    await Promise.all(this.#servers.map((server) => this.#loadOn(server, adapter, signal)));
    const bring = async (url: string) => {
      const server = this.#servers.find((one) => one.url === url);
      if (server) await this.#loadOn(server, adapter);
    };
    return { baseURL, model: name, body: PLAIN, bring };
  }

  async rest(): Promise<void> {}

  async close(): Promise<void> {
    await Promise.allSettled(
      this.#servers.flatMap((server) => [...this.#loaded].map((name) => unload(server, name))),
    );
    this.#loaded.clear();
  }

  /** What all servers call the start's base. */
  async #base(signal?: AbortSignal): Promise<{ readonly id: string; readonly weights: string }> {
    const start = await identify(this.#options.start);
    const { folder, weights } = start.base === undefined ? start : await identify(start.base);
    const names = await Promise.all(
      this.#servers.map(async (server) =>
        this.#baseOn(server, await server.models(signal), { folder, weights }),
      ),
    );
    const [id] = names as [string];
    const other = names.findIndex((name) => name !== id);
    if (other >= 0)
      throw (this.#servers[other] as Server).failure(
        `calls its model ${names[other]}, and ${this.#servers[0]?.url} calls it ${id}`,
        'start all replicas with one --served-model-name',
      );
    return { id, weights };
  }

  async #baseOn(
    server: Server,
    listed: readonly ServedName[],
    { folder, weights }: Pick<Identity, 'folder' | 'weights'>,
  ): Promise<string> {
    const { base: wanted } = this.#options;
    const bases = listed.filter(({ parent }) => parent === undefined);
    for (const { id, root = id } of bases)
      if (wanted === undefined ? await isModel(root, { folder, weights }) : id === wanted) return id;
    const serves = bases.map(({ id, root }) => (root === undefined || root === id ? id : `${id} (${root})`));
    throw server.failure(
      `serves ${serves.join(', ') || 'nothing'}, not ${wanted ?? folder}`,
      wanted === undefined
        ? `start it with ${folder}; if what it serves are these weights in another place, say what it calls them: serve.base`
        : 'give serve.base the name that it has there, or start it with another --served-model-name',
    );
  }

  async #loadOn(server: Server, adapter: Adapter, signal?: AbortSignal): Promise<void> {
    const { name, path } = adapter;
    const before = await server.models(signal);
    const there = before.find(({ id }) => id === name);
    this.#loaded.add(name);
    const isIt = ({ root, parent }: ServedName) => parent === adapter.parent && this.#isOwn(root);
    if (!(there && isIt(there))) {
      // The name holds the weights' hash: whatever has it otherwise is in its way.
      if (there) await unload(server, name, signal);
      const body = { lora_name: name, lora_path: path };
      const { status, text } = await server.post(LOAD, body, { signal, timeout: LOADING });
      if (status !== 200) throw notLoaded(server, adapter, status, text);
      const after = await server.models(signal);
      const found = after.find(({ id }) => id === name);
      if (!(found && isIt(found)))
        throw server.failure(
          `said that it loaded ${name}, and ${found ? `has ${found.root} on ${found.parent} under that name` : `serves ${after.map(({ id }) => id).join(', ')}`}`,
          'look at its log, and start it again',
        );
    }
    const old = before.filter(({ id, root, parent }) => id !== name && parent && this.#isOwn(root));
    for (const { id } of old) {
      await unload(server, id, signal);
      this.#loaded.delete(id);
    }
  }

  #isOwn(root: string | undefined): boolean {
    return root !== undefined && `${resolve(root)}${sep}`.startsWith(`${resolve(this.#options.own)}${sep}`);
  }
}

const LOAD = '/load_lora_adapter';

/** vLLM takes its defaults from the model's generation_config.json: what is sampled is what the config says and nothing else. */
const PLAIN = { top_k: -1, min_p: 0, repetition_penalty: 1 };

interface Adapter {
  readonly name: string;
  readonly path: string;
  readonly parent: string;
}

/** The judge's, and the hash of its weights: the same of a checkpoint along its training that it then is. */
export function servedName({ name, weights }: Pick<Checkpoint, 'name' | 'weights'>): string {
  return `${name.replace(/\/.*/, '')}-${weights}`;
}

/** Whether a server's word for what it serves means this checkpoint: its folder, its name on the hub, or another folder here that holds
 * the same weights. */
export async function isModel(
  root: string,
  { folder, weights }: Pick<Identity, 'folder' | 'weights'>,
): Promise<boolean> {
  if (root === hubOrigin(folder)?.id || resolve(root) === resolve(folder)) return true;
  if (!isAbsolute(root) || !existsSync(root)) return false;
  return identify(root).then(
    (there) => there.weights === weights,
    () => false,
  );
}

/** One that is gone already is unloaded. */
async function unload(server: Server, name: string, signal?: AbortSignal): Promise<void> {
  await server.post('/unload_lora_adapter', { lora_name: name }, { signal });
}

function noLoading(server: Server, text: string): EvalPlannerError {
  return server.failure(
    `loads no adapters: ${server.said(text)}`,
    'start it with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment, --enable-lora and --max-lora-rank of at least the rank that is trained',
  );
}

function notLoaded(server: Server, { name, path }: Adapter, status: number, text: string): EvalPlannerError {
  const said = server.said(text);
  if ((status === 404 || status === 405) && !/adapter/i.test(said)) return noLoading(server, text);
  return server.failure(
    `did not load ${name} from ${path}: ${said} (status ${status})`,
    status === 404
      ? 'let the run lie on a path that the server reads too'
      : 'start it with --enable-lora and --max-lora-rank of at least the rank that is trained; its log says more',
  );
}

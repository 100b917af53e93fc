import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { EvalPlannerError } from '../../errors.ts';
import { openaiCompatible } from '../openai.ts';
import type { PrefillForm } from '../remote/openai-protocol.ts';
import { environmentRedactor, type KeySource } from '../remote/secret.ts';
import { freePort, lastLines, StartedServer } from './process.ts';
import type { Checkpoint, Loaded, Loader } from './served.ts';
import { type ServedName, Server } from './server.ts';
import { isModel, servedName } from './vllm-lora.ts';

export interface RestartOptions extends KeySource {
  /** A program and its arguments, of which {model} is the folder of a checkpoint, {name} a name for it that holds the hash of its weights,
   * {port} a port. */
  readonly command: readonly string[];
  /** Where the servers answer that the command restarts; absent: the command is the server, started and ended here. */
  readonly url?: readonly string[] | undefined;
  /** Of a server that is started here; a free one when absent. */
  readonly port?: number | undefined;
  readonly prefill?: PrefillForm | undefined;
  /** Milliseconds until the new server answers. */
  readonly startTimeout?: number | undefined;
  /** The file of what the command prints. */
  readonly log: string;
}

/** Milliseconds between two looks at a server that starts. */
const LOOK = 500;

/** Whole checkpoints: a server is started, or restarted by a command of the user's, for each. */
export class Restart implements Loader {
  readonly client = openaiCompatible;
  readonly prefill: PrefillForm;
  readonly #options: RestartOptions;
  readonly #timeout: number;
  #running: Running | null = null;

  constructor(options: RestartOptions) {
    this.#options = options;
    this.prefill = options.prefill ?? 'continue_final_message';
    this.#timeout = options.startTimeout ?? 900_000;
  }

  api(chat: boolean) {
    return chat ? ('chat' as const) : ('completions' as const);
  }

  async ready(start: Checkpoint): Promise<void> {
    if (start.base !== undefined) throw onlyWhole(start);
  }

  async load(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Loaded> {
    if (checkpoint.base !== undefined) throw onlyWhole(checkpoint);
    const { weights } = checkpoint;
    const wanted = { name: servedName(checkpoint), folder: resolve(checkpoint.folder), weights };
    const before = this.#running;
    if (before?.name === wanted.name && !before.gone.signal.aborted) {
      const model = await this.#proof(before, wanted, signal);
      if (typeof model === 'string') return this.#loaded(before, model);
    }
    await this.rest();
    const running = this.#options.url
      ? await this.#restarted(wanted, this.#options.url, signal)
      : await this.#started(wanted);
    this.#running = running;
    try {
      return this.#loaded(running, await this.#whenReady(running, wanted, signal));
    } catch (error) {
      await this.rest();
      throw error;
    }
  }

  /** A server of the user's is left as it is. */
  async rest(): Promise<void> {
    const { server } = this.#running ?? {};
    this.#running = null;
    await server?.end();
  }

  close(): Promise<void> {
    return this.rest();
  }

  #loaded({ servers, gone }: Running, model: string): Loaded {
    return { baseURL: servers.map(({ url }) => url), model, gone: gone.signal };
  }

  async #started(wanted: Wanted): Promise<Running> {
    const port = this.#options.port ?? (await freePort());
    const server = new StartedServer(filled(this.#options.command, wanted, port), this.#options.log);
    const gone = new AbortController();
    const url = `http://127.0.0.1:${port}/v1`;
    server.ended.then(async (code) =>
      gone.abort(await this.#ended(`the server of ${wanted.name} ended by itself (exit code ${code})`)),
    );
    return { name: wanted.name, servers: [new Server(url, this.#options)], server, gone };
  }

  async #restarted(wanted: Wanted, urls: readonly string[], signal?: AbortSignal): Promise<Running> {
    const port = Number(new URL(urls[0] as string).port) || 8000;
    const [program, ...args] = filled(this.#options.command, wanted, port) as [string, ...string[]];
    try {
      await run(program, args, { timeout: this.#timeout, ...(signal ? { signal } : {}), maxBuffer: 1 << 26 });
    } catch (error) {
      signal?.throwIfAborted();
      const { stderr = '', code } = error as { readonly stderr?: string; readonly code?: number | string };
      const said = environmentRedactor()(stderr.trim().split('\n').at(-1) ?? '');
      throw new EvalPlannerError(
        'model',
        `the command that restarts the server, ${program}, failed (${code ?? 'too slow'})${said && `: ${said}`}`,
        'mend serve.command, and run the same command again: what came so far is kept',
        error,
      );
    }
    const servers = urls.map((url) => new Server(url, this.#options));
    return { name: wanted.name, servers, gone: new AbortController() };
  }

  /** Waits until every server says that it serves this checkpoint. */
  async #whenReady(running: Running, wanted: Wanted, signal?: AbortSignal): Promise<string> {
    const until = performance.now() + this.#timeout;
    for (;;) {
      signal?.throwIfAborted();
      const found = await this.#proof(running, wanted, signal);
      if (typeof found === 'string') return found;
      if (running.server?.code != null) throw await reasonOf(running.gone.signal);
      // What was started for it serves nothing else later; servers of the user's are still the ones of before.
      if (running.server && found.answered) throw found.error;
      if (performance.now() > until)
        throw await this.#ended(
          `the server of ${wanted.name} was not ready in ${this.#timeout / 1000} s: ${found.error.message}`,
          found.error,
        );
      await wait(LOOK, undefined, signal ? { signal } : {}).catch(() => {});
    }
  }

  /** What all servers call the checkpoint, or why it is not known that they serve it. */
  async #proof({ servers }: Running, wanted: Wanted, signal?: AbortSignal): Promise<string | NoProof> {
    const named = this.#options.command.some((part) => part.includes('{name}'));
    const ids: string[] = [];
    for (const server of servers) {
      let listed: readonly ServedName[];
      try {
        listed = await server.models(signal);
      } catch (error) {
        signal?.throwIfAborted();
        return { answered: false, error: error as EvalPlannerError };
      }
      const id = await idOf(listed, wanted, named);
      if (id === null) {
        const serves = listed.map(({ id, root }) => (root === undefined ? id : `${id} (${root})`));
        const error = server.failure(
          `serves ${serves.join(', ') || 'nothing'}, not ${named ? wanted.name : wanted.folder}`,
          'have serve.command tell the server its name, as --served-model-name {name} or --alias {name}',
        );
        return { answered: true, error };
      }
      ids.push(id);
    }
    const [first] = ids as [string];
    const other = ids.findIndex((id) => id !== first);
    if (other < 0) return first;
    const error = (servers[other] as Server).failure(
      `calls it ${ids[other]}, and another replica ${first}`,
      'have serve.command give all replicas one name: {name}',
    );
    return { answered: true, error };
  }

  async #ended(what: string, cause?: unknown): Promise<EvalPlannerError> {
    const { log, url } = this.#options;
    const said = url ? '' : await lastLines(log);
    return new EvalPlannerError(
      'model',
      said === '' ? what : `${what}; it said: ${said}`,
      `look at ${url ? 'its log' : log}, mend serve.command, and run the same command again: what came so far is kept`,
      cause,
    );
  }
}

const run = promisify(execFile);

interface NoProof {
  /** It said what it serves, which is something else. */
  readonly answered: boolean;
  readonly error: EvalPlannerError;
}

async function idOf(listed: readonly ServedName[], wanted: Wanted, named: boolean): Promise<string | null> {
  for (const { id, root = id } of listed)
    if (named ? id === wanted.name : await isModel(root, wanted)) return id;
  return null;
}

async function reasonOf(signal: AbortSignal): Promise<unknown> {
  if (!signal.aborted)
    await new Promise<void>((heard) => signal.addEventListener('abort', () => heard(), { once: true }));
  return signal.reason;
}

interface Wanted {
  readonly name: string;
  readonly folder: string;
  readonly weights: string;
}

interface Running {
  readonly name: string;
  readonly servers: readonly Server[];
  /** Started here. */
  readonly server?: StartedServer;
  readonly gone: AbortController;
}

function filled(command: readonly string[], { name, folder }: Wanted, port: number): string[] {
  const values: Readonly<Record<string, string>> = { model: folder, name, port: String(port) };
  return command.map((part) =>
    part.replace(/\{(model|name|port)\}/g, (_, what: string) => values[what] ?? ''),
  );
}

const onlyWhole = ({ name }: Checkpoint) =>
  new EvalPlannerError(
    'usage',
    `${name} is an adapter, and a server is restarted with whole checkpoints`,
    'write whole ones (lora.merge: true), or load adapters into a running vLLM: serve: {kind: vllm, …}',
  );

import { setTimeout } from 'node:timers/promises';
import { EvalPlannerError } from '../../errors.ts';
import { key } from '../../key.ts';
import { type GenerateOptions, type Generation, type Model, RENDERING, type Requests } from '../../model.ts';
import { type Identity, identify } from '../local/identity.ts';
import type { OpenAICompatibleOptions } from '../openai.ts';
import type { OpenAIApi, PrefillForm } from '../remote/openai-protocol.ts';
import type { VllmOptions } from '../vllm.ts';

/** A checkpoint that a server is to sample. */
export interface Checkpoint extends Identity {
  /** What it is called in its run: `M1-SFT`, `M1-SFT/step-40`. */
  readonly name: string;
}

/** A checkpoint as it is served. */
export interface Loaded {
  readonly baseURL: readonly string[];
  /** What requests call it. */
  readonly model: string;
  /** Has a server that was started anew serve it again, where that can be. */
  readonly bring?: (url: string) => Promise<void>;
  /** Further fields of requests for it. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Aborted with an EvalPlannerError when the server is known to be gone. */
  readonly gone?: AbortSignal;
}

/** A way of bringing new weights into service. */
export interface Loader {
  readonly api: (chat: boolean) => OpenAIApi;
  /** How a chat takes the beginning of an answer. */
  readonly prefill: PrefillForm;
  /** What asks it. */
  readonly client: (options: VllmOptions) => Model;
  /** False where it never tells log-probabilities. */
  readonly logprobs?: false;
  /** Before anything is paid for: throws EvalPlannerError where `start` could not be served. */
  ready(start: Checkpoint, signal?: AbortSignal): Promise<void>;
  /** Sees that the checkpoint is served, loading it where it is not, and has the server say so. Throws EvalPlannerError (`model`) where it
   * serves something else. */
  load(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Loaded>;
  /** Gives up what it holds on this machine, until the next `load`. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

/** What is told of the server besides how it is loaded. */
export type ServedOptions = Pick<
  OpenAICompatibleOptions,
  | 'apiKeyEnv'
  | 'apiKeyFile'
  | 'body'
  | 'seeds'
  | 'timeout'
  | 'maxConcurrency'
  | 'initialConcurrency'
  | 'retryDelay'
  | 'connectPatience'
  | 'patience'
  | 'notice'
>;

/** The judges of a run behind a server: one is loaded at a time, when it is first asked, and none is asked before the server has said
 * that it serves these weights. */
export class ServedModels {
  readonly #loader: Loader;
  readonly #options: ServedOptions;
  /** The weights that are being asked, and by how many. */
  #inUse = { weights: '', users: 0 };

  constructor(loader: Loader, options: ServedOptions) {
    this.#loader = loader;
    this.#options = options;
  }

  async ready(start: string, signal?: AbortSignal): Promise<void> {
    await this.#loader.ready({ ...(await identify(start)), name: 'M0' }, signal);
  }

  /** Whether judges that are shown prompts in this way go on from the beginning of an answer. */
  prefills({ chat }: Pick<Identity, 'chat'>): boolean {
    return this.#loader.api(chat) === 'completions' || this.#loader.prefill !== 'none';
  }

  /** The checkpoint in a folder; nothing is loaded before its first request. Its revision holds a hash of its weights. */
  async open(name: string, place: string): Promise<Model> {
    const checkpoint = { ...(await identify(place)), name };
    const { weights, chat } = checkpoint;
    const api = this.#loader.api(chat);
    const { prefill, logprobs } = this.#loader;
    const shown = {
      rendering: RENDERING,
      api,
      ...(api === 'chat' ? { prefill } : {}),
      body: JSON.stringify(this.#options.body ?? {}),
    };
    return {
      revision: key({ weights, served: shown }).slice(0, 16),
      prefills: this.prefills(checkpoint),
      chat,
      ...(logprobs === undefined ? {} : { logprobs }),
      generate: (requests, options = {}) => this.#generate(checkpoint, requests, options),
      close: async () => {},
    };
  }

  rest(): Promise<void> {
    return this.#loader.rest();
  }

  close(): Promise<void> {
    return this.#loader.close();
  }

  async *#generate(
    checkpoint: Checkpoint,
    requests: Requests,
    { signal, onDelta }: GenerateOptions,
  ): AsyncGenerator<Generation, void, undefined> {
    const source =
      Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
    // What is in the ledger already needs no server.
    const first = await source.next();
    if (first.done || signal?.aborted) return;
    async function* all() {
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => source as AsyncIterator<typeof first.value> };
    }
    const release = this.#take(checkpoint);
    let model: Model | undefined;
    let loaded: Loaded | undefined;
    try {
      loaded = await this.#loader.load(checkpoint, signal);
      model = this.#client(checkpoint, loaded);
      const { gone } = loaded;
      const ends = [signal, gone].filter((one) => one !== undefined);
      yield* model.generate(all(), { onDelta, signal: AbortSignal.any(ends) });
      if (gone?.aborted && !signal?.aborted) throw gone.reason;
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return;
      // Of a server that ended, its last words say more than the connection that broke.
      if (loaded?.gone && (await abortsSoon(loaded.gone))) throw loaded.gone.reason;
      throw error;
    } finally {
      release();
      await model?.close();
      // Not awaited: it may be waiting for its next request.
      Promise.resolve(source.return?.()).catch(() => {});
    }
  }

  #client({ chat, weights }: Checkpoint, { baseURL, model, body, bring }: Loaded): Model {
    const { prefill } = this.#loader;
    return this.#loader.client({
      ...this.#options,
      baseURL,
      model,
      api: this.#loader.api(chat),
      prefill,
      revision: weights,
      bring,
      body: { ...body, ...this.#options.body },
    });
  }

  /** A server holds one at a time. */
  #take({ weights, name }: Checkpoint): () => void {
    const now = this.#inUse;
    if (now.users > 0 && now.weights !== weights)
      throw new EvalPlannerError(
        'internal',
        `${name} is asked while another judge is, of one server`,
        'report this as a bug',
      );
    this.#inUse = { weights, users: now.users + 1 };
    return () => {
      this.#inUse.users--;
    };
  }
}

/** Milliseconds in which a process that broke its connections ends. */
const ENDING = 1000;

async function abortsSoon(signal: AbortSignal): Promise<boolean> {
  const aborted = new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  if (!signal.aborted) await Promise.race([aborted, setTimeout(ENDING)]);
  return signal.aborted;
}

import type { Model } from '../model.ts';
import {
  type OpenAICompatibleOptions,
  openaiCompatible,
  type ServerAccess,
  type ServerKind,
} from './openai.ts';
import { CallFailure } from './remote/call-failure.ts';
import type { Clock } from './remote/clock.ts';
import type { Job } from './remote/completion.ts';
import { clientFailure } from './remote/openai-endpoint.ts';
import type { Vitals } from './remote/places.ts';
import { PrefixAffinity } from './remote/prefix-affinity.ts';
import type { CompletionEndpoint } from './remote/remote.ts';

/** `baseURL`: of its replicas, or of a router before them, with or without the `/v1`. */
export interface VllmOptions extends OpenAICompatibleOptions {
  /** Has a replica serve the model: before its first request, and again where it comes back as it was started. */
  readonly bring?: ((url: string) => Promise<void>) | undefined;
}

/** A model behind replicas of vLLM, or a router of theirs. What begins alike goes to one replica, for its prefix cache; a replica that
 * dies or hangs is taken out, its requests go elsewhere once, and it is taken back when it is well. Before its first request each is asked
 * whether it serves the model. Throws EvalPlannerError (`usage`). */
export function vllm(options: VllmOptions, clock?: Clock): Model {
  const baseURL = [options.baseURL].flat().map(withVersion);
  const { model, bring } = options;
  const kind: ServerKind = {
    name: 'vllm',
    // By what it loads, as it is called where nothing else is said: replicas come and go.
    place: (name) => name,
    prefill: 'continue_final_message',
    choice: 'structured_outputs',
    endpoint: (endpoint, server) => new VllmEndpoint(endpoint, server, model, bring),
    affinity: (replicas) => new PrefixAffinity(replicas),
  };
  return openaiCompatible({ initialConcurrency: INITIAL, ...options, baseURL }, clock, kind);
}

/** Calls at first: a replica queues what it has no room for, and batches 256 sequences by default, of which a call has several. */
const INITIAL = 64;

/** The address of a server's `/v1`. */
function withVersion(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || /\/v1\/*$/.test(parsed.pathname)) return url;
  parsed.pathname = parsed.pathname.replace(/\/*$/, '/v1');
  return parsed.href;
}

/** The server above a `/v1`. */
function above(url: string): string {
  const parsed = new URL(url);
  parsed.pathname = parsed.pathname.replace(/\/v1\/*$/, '/');
  return parsed.href;
}

/** Milliseconds that a server has to say what it serves. */
const ASKING = 30_000;

const RESTART =
  'look at the log of the server for what ended its engine, and start it again; on a CPU a seed may: seeds: false of the model leaves them out';

class VllmEndpoint implements CompletionEndpoint {
  readonly name: string;
  readonly #endpoint: CompletionEndpoint;
  readonly #server: ServerAccess;
  readonly #model: string;
  readonly #bring: VllmOptions['bring'];
  /** Whether it serves the model; null: not asked since it was last started, as far as is known. */
  #serves: Promise<void> | null = null;
  /** Sequences of ours that it has. */
  #sequences = 0;
  #well = true;

  constructor(
    endpoint: CompletionEndpoint,
    server: ServerAccess,
    model: string,
    bring: VllmOptions['bring'],
  ) {
    this.name = endpoint.name;
    this.#endpoint = endpoint;
    this.#server = server;
    this.#model = model;
    this.#bring = bring;
  }

  get takesN(): boolean {
    return this.#endpoint.takesN;
  }

  async call(job: Job, signal: AbortSignal): Promise<void> {
    await this.#asked();
    const sequences = job.requests.length - job.completions.length;
    this.#sequences += sequences;
    try {
      await this.#endpoint.call(job, signal);
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (this.#bring && hasForgotten(error)) {
        this.#serves = null;
        throw new CallFailure('transient', error.message);
      }
      throw hasEnded(error) ? lost(error) : error;
    } finally {
      this.#sequences -= sequences;
    }
  }

  async vitals(signal: AbortSignal): Promise<Vitals> {
    try {
      await this.#health(signal);
      // One that was started again may serve something else.
      if (!this.#well) {
        this.#serves = null;
        await this.#asked();
      }
    } catch (error) {
      this.#well = false;
      throw error;
    }
    this.#well = true;
    return this.#load(await this.#get(above(this.#server.url), '/metrics', signal).catch(() => ''));
  }

  async #health(signal: AbortSignal): Promise<void> {
    try {
      await this.#get(above(this.#server.url), '/health', signal);
    } catch (error) {
      const { status } = error as { status?: number };
      // A router may have no such address, or keep it for itself.
      if (status !== undefined && status >= 400 && status < 500) return;
      const failure = this.#failure(error);
      throw status === 503 ? lost(failure) : failure;
    }
  }

  #load(metrics: string): Vitals {
    const { running, waiting, steps } = countsOf(metrics);
    const sequences = running + waiting;
    const others = Math.max(0, sequences - this.#sequences);
    return steps === null ? { others } : { others, steps: { count: steps, busy: sequences > 0 } };
  }

  #asked(): Promise<void> {
    const asked = this.#serves ?? this.#ask();
    this.#serves = asked;
    asked.catch(() => {
      if (this.#serves === asked) this.#serves = null;
    });
    return asked;
  }

  async #ask(): Promise<void> {
    await this.#bring?.(this.#server.url);
    let text: string;
    try {
      text = await this.#get(this.#server.url, '/models', AbortSignal.timeout(ASKING));
    } catch (error) {
      // A router may not tell.
      if (/^(?:404|405|501)$/.test(String((error as { status?: number }).status))) return;
      throw this.#failure(error);
    }
    const served = namesIn(text);
    if (served === null || served.includes(this.#model)) return;
    const names = this.#server.redact(served.join(', ')).slice(0, 300);
    throw new CallFailure('denied', `${this.name} serves ${names || 'nothing'}, not ${this.#model}`, {
      remedy: 'name what it serves, or start it with this model (--served-model-name says what it is called)',
    });
  }

  async #get(base: string, path: string, signal: AbortSignal): Promise<string> {
    const client = await this.#server.client(base);
    return client.get(path, signal);
  }

  #failure(error: unknown): CallFailure {
    return clientFailure(error, this.name, this.#server.redact);
  }
}

/** A server's engine is gone, and does not come back without it (`EngineDeadError`): it answers 500, and ends. */
function hasEnded({ kind, message }: CallFailure): boolean {
  return kind === 'transient' && /EngineDead|EngineCore encountered an issue/.test(message);
}

/** It was started anew so fast that nobody saw it gone, without what was loaded into it. */
function hasForgotten({ kind, message }: CallFailure): boolean {
  return kind === 'denied' && /\b404\b.*does not exist/.test(message);
}

const lost = ({ message }: CallFailure) => new CallFailure('lost', message, { remedy: RESTART });

/** What a server says that it serves: models, and the adapters on them; null where it cannot be read. */
function namesIn(text: string): string[] | null {
  try {
    const { data } = JSON.parse(text) as { data: readonly { id: unknown }[] };
    return data.map(({ id }) => String(id));
  } catch {
    return null;
  }
}

/** Counts of https://docs.vllm.ai/en/latest/usage/metrics/, of all engines of a server. */
function countsOf(metrics: string): { running: number; waiting: number; steps: number | null } {
  const sums = new Map<string, number>();
  const lines =
    /^vllm:(num_requests_running|num_requests_waiting|iteration_tokens_total_count)(?:\{.*\})? (\S+)$/gm;
  for (const [, name = '', value] of metrics.matchAll(lines))
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
  return {
    running: sums.get('num_requests_running') ?? 0,
    waiting: sums.get('num_requests_waiting') ?? 0,
    steps: sums.get('iteration_tokens_total_count') ?? null,
  };
}

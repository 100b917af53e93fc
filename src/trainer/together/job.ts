import type { Together } from 'together-ai';
import { mayPass, type Service, statusOf } from './client.ts';
import { pause } from './pause.ts';

type Found = Together.FineTuningListResponse['data'][number];

/** The states of a job from which it may still come to an end, or has come to a good one. */
const ALIVE: ReadonlySet<string> = new Set([
  'pending',
  'queued',
  'running',
  'compressing',
  'uploading',
  'completed',
]);

/** Milliseconds that an answer may take to a job that is asked for, once nobody wants it any more. */
const GRACE = 8000;

/** The jobs of one training, known by their suffix, which holds its key. */
export class Jobs {
  readonly #service: Service;
  readonly #suffix: string;
  readonly #poll: number;

  constructor(service: Service, suffix: string, poll: number) {
    this.#service = service;
    this.#suffix = suffix;
    this.#poll = poll;
  }

  /** Whether a job of which an earlier call knew may still come to a good end. */
  async isAlive(id: string, signal?: AbortSignal): Promise<boolean> {
    const { api, failure } = this.#service;
    const job = await api.fineTuning.retrieve(id, signal ? { signal } : {}).catch((error: unknown) => {
      if (statusOf(error) === 404) return null;
      throw failure(error, `the state of ${id}`);
    });
    return job !== null && ALIVE.has(job.status);
  }

  /** The job that is there, or was; null where there is none that may end well. One that is about to end is waited for. */
  async find(signal?: AbortSignal): Promise<string | null> {
    for (;;) {
      const own = await this.#own(signal);
      const first = own.find(({ status }) => ALIVE.has(status));
      if (first) return first.id;
      if (!own.some(({ status }) => status === 'cancel_requested')) return null;
      await pause(this.#poll, signal);
    }
  }

  /** Asks for the job, once: where no answer tells whether it is there, it is looked for, and never asked for again by this call. */
  async create(
    params: Omit<Together.FineTuningCreateParams, 'suffix'>,
    signal?: AbortSignal,
  ): Promise<string> {
    const { api } = this.#service;
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      const ended = new AbortController();
      const giveUp = () => setTimeout(() => ended.abort(), GRACE).unref();
      signal?.addEventListener('abort', giveUp, { once: true });
      try {
        const body = { ...params, suffix: this.#suffix };
        const { id } = await api.fineTuning.create(body, { maxRetries: 0, signal: ended.signal });
        return await this.#only(id);
      } catch (error) {
        // Refused: it was not made.
        if (statusOf(error) === 429 && tries < 6) {
          await pause(this.#poll * 2 ** tries, signal);
          continue;
        }
        if (!mayPass(error) || statusOf(error) === 429) throw this.#service.failure(error, 'the training');
        const made = await this.#look(signal);
        if (made !== null) return made;
        throw this.#service.failure(error, 'the training');
      } finally {
        signal?.removeEventListener('abort', giveUp);
      }
    }
  }

  /** Ends a job whatever it is doing; answers whether it could be told. */
  async cancel(id: string): Promise<boolean> {
    try {
      await this.#service.api.fineTuning.cancel(id, { maxRetries: 1, timeout: 3000 });
      return true;
    } catch (error) {
      // One that has ended cannot be cancelled.
      const { status } = await this.#service.api.fineTuning
        .retrieve(id, { maxRetries: 0, timeout: 2000 })
        .catch(() => ({ status: 'unknown' }));
      return statusOf(error) !== undefined && ['completed', 'error', 'cancelled'].includes(status);
    }
  }

  /** The oldest first. */
  async #own(signal?: AbortSignal): Promise<Found[]> {
    const { api, failure } = this.#service;
    const { data } = await api.fineTuning.list(signal ? { signal } : {}).catch((error: unknown) => {
      throw failure(error, 'the list of trainings');
    });
    return data
      .filter((job) => job.suffix === this.#suffix || job.model_output_name?.includes(this.#suffix))
      .sort((a, b) => (`${a.created_at} ${a.id}` < `${b.created_at} ${b.id}` ? -1 : 1));
  }

  async #look(signal?: AbortSignal): Promise<string | null> {
    for (let tries = 1; tries <= 3; tries++) {
      await pause(this.#poll * tries, signal);
      const [own] = (await this.#own(signal)).filter(({ status }) => ALIVE.has(status));
      if (own) return own.id;
    }
    return null;
  }

  /** Of two that were asked for at one time, by two machines, the older one: both sides see the same, and the other is cancelled. */
  async #only(id: string): Promise<string> {
    const [first] = (await this.#own().catch(() => [])).filter(({ status }) => ALIVE.has(status));
    if (!first || first.id === id) return id;
    await this.cancel(id);
    return first.id;
  }
}

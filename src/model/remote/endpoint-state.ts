import type { CallFailure } from './call-failure.ts';
import { backoff } from './clock.ts';
import { Concurrency } from './concurrency.ts';

export interface EndpointLimits {
  /** Calls in flight: at first, and at most. */
  readonly initialConcurrency: number;
  readonly maxConcurrency: number;
  /** Milliseconds that one call may take. */
  readonly timeout: number;
  /** Milliseconds of the first wait where a server does not say how long; each further one doubles, up to 30 s. */
  readonly retryDelay: number;
  /** Milliseconds: the longest wait that a server may ask for. */
  readonly maxRetryAfter: number;
  /** Milliseconds that an endpoint may bring nothing but refusals and unanswered calls. */
  readonly patience: number;
  /** The same for one that has never answered: it is more likely a wrong address. */
  readonly connectPatience: number;
}

/** What is known of one endpoint: its load, its pauses, and whether it is worth another call. No input or output: times
 * are given, in milliseconds. */
export class EndpointState {
  readonly #limits: EndpointLimits;
  readonly #concurrency: Concurrency;
  #inFlight = 0;
  /** The last call that was turned away, while the pause holds that it caused. */
  #refused = -1;
  #pausedUntil = 0;
  #sent = 0;
  /** Rounds of calls that were turned away since one was taken: calls that were in flight together count once. */
  #turnedAway = 0;
  #roundEnd = 0;
  #answered = false;
  /** When it last took a call, or was first sent one. */
  #goodAt: number | null = null;
  #gone = false;

  constructor(limits: EndpointLimits) {
    this.#limits = limits;
    this.#concurrency = new Concurrency({ initial: limits.initialConcurrency, max: limits.maxConcurrency });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get limit(): number {
    return this.#concurrency.limit;
  }

  /** The share of its places that is taken. */
  get load(): number {
    return this.#inFlight / this.#concurrency.limit;
  }

  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** It has failed for longer than anyone should wait. */
  get gone(): boolean {
    return this.#gone;
  }

  free(now: number): boolean {
    return !this.#gone && now >= this.#pausedUntil && this.#inFlight < this.#concurrency.limit;
  }

  /** A call is sent; answers its number, for `end`. */
  begin(now: number): number {
    this.#inFlight++;
    this.#goodAt ??= now;
    this.#sent++;
    return this.#concurrency.begun();
  }

  /** A call ended: by an answer, or by a failure. */
  end(call: number, failure: CallFailure | null, now: number, random: number): void {
    const kind = failure?.kind;
    const load =
      failure === null ? 'healthy' : kind === 'refused' || kind === 'timeout' ? 'overloaded' : 'other';
    this.#concurrency.ended(call, load, this.#inFlight);
    this.#inFlight--;
    if (kind === 'denied') {
      this.#gone = true;
      return;
    }
    if (kind === 'refused' || kind === 'unreachable') {
      this.#turnAway(call, failure?.retryAfter, kind === 'unreachable', now, random);
      return;
    }
    if (kind === 'timeout') {
      // It took the call at least, and one that thinks for long is not gone by the first.
      this.#answered = true;
      this.#expire(now, 2 * this.#limits.timeout);
      return;
    }
    this.#answered = true;
    this.#goodAt = now;
    // A call that was sent after the refused one was taken: the server refuses some, not all. One that was sent before
    // proves nothing, since it may have been let in before the door closed.
    if (call > this.#refused) {
      this.#turnedAway = 0;
      this.#pausedUntil = 0;
    }
  }

  /** A call was given up, which says nothing of the endpoint. */
  abandon(): void {
    this.#inFlight--;
  }

  /** It is worth another try. */
  revive(): void {
    this.#gone = false;
    this.#goodAt = null;
  }

  #turnAway(
    call: number,
    asked: number | undefined,
    unreachable: boolean,
    now: number,
    random: number,
  ): void {
    if (!unreachable) this.#answered = true;
    if (call >= this.#roundEnd) {
      this.#turnedAway++;
      this.#roundEnd = this.#sent;
    }
    this.#refused = Math.max(this.#refused, call);
    const wait = asked ?? backoff(this.#turnedAway, this.#limits.retryDelay, random);
    this.#pausedUntil = Math.max(this.#pausedUntil, now + wait);
    if (wait > this.#limits.maxRetryAfter) this.#gone = true;
    // What the server asked for is no impatience of ours.
    this.#expire(now, asked ?? 0);
  }

  #expire(now: number, asked: number): void {
    const { patience, connectPatience } = this.#limits;
    const limit = this.#answered ? patience : connectPatience;
    if (now - (this.#goodAt ?? now) > limit + asked) this.#gone = true;
  }
}

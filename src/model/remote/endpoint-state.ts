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

/** Ends in a row, without an answer between them, after which a server is not taken back: what it is asked ends it. */
const ENDS = 3;

/** What is known of one endpoint: its load, its pauses, and whether it is worth another call. No input or output: times
 * are given, in milliseconds. */
export class EndpointState {
  readonly #limits: EndpointLimits;
  readonly #concurrency: Concurrency;
  readonly #any: number;
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
  /** Since when it is taken out. */
  #outSince: number | null = null;
  /** How often it was taken out since it last brought an answer. */
  #ends = 0;
  /** Calls of others that it has, as it tells. */
  others = 0;

  /** `any`: the share of its calls that any job may take. */
  constructor(limits: EndpointLimits, any = 1) {
    this.#limits = limits;
    this.#any = any;
    this.#concurrency = new Concurrency({ initial: limits.initialConcurrency, max: limits.maxConcurrency });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get limit(): number {
    return this.#concurrency.limit;
  }

  /** Calls that it has, those of others among them. */
  get calls(): number {
    return this.#inFlight + this.others;
  }

  /** The share of its places that is taken. */
  get load(): number {
    return this.calls / this.#concurrency.limit;
  }

  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** It has failed for longer than anyone should wait. */
  get gone(): boolean {
    return this.#gone;
  }

  free(now: number): boolean {
    return !this.#gone && !this.out && now >= this.#pausedUntil && this.#inFlight < this.#concurrency.limit;
  }

  /** The same for any job, whether or not it is known there. */
  freeToAny(now: number): boolean {
    return this.free(now) && !this.#full;
  }

  get #full(): boolean {
    return this.#inFlight >= Math.ceil(this.#concurrency.limit * this.#any);
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
    // A limit is tested by as many calls as any job may take.
    this.#concurrency.ended(call, load, this.#full ? Number.POSITIVE_INFINITY : this.#inFlight);
    this.#inFlight--;
    if (kind === 'denied') {
      this.#gone = true;
      return;
    }
    if (kind === 'lost') {
      this.takeOut(now);
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
    if (failure === null) this.#ends = 0;
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
    this.#outSince = null;
    this.#ends = 0;
  }

  /** It takes no calls until it is taken back. */
  get out(): boolean {
    return this.#outSince !== null;
  }

  get outSince(): number | null {
    return this.#outSince;
  }

  /** Its server is known not to answer. */
  takeOut(now: number): void {
    if (this.out) return;
    this.#outSince = now;
    this.others = 0;
    this.#ends++;
  }

  /** Its server is well again. */
  takeBack(): void {
    if (!this.out) return;
    this.#outSince = null;
    this.#gone = this.#ends >= ENDS;
    this.#goodAt = null;
    this.#pausedUntil = 0;
    this.#turnedAway = 0;
  }

  /** Time passes while it is out. */
  await(now: number): void {
    const { patience, connectPatience } = this.#limits;
    const limit = this.#answered ? patience : connectPatience;
    if (this.#outSince !== null && now - this.#outSince > limit) this.#gone = true;
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

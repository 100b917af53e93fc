/** How an answer speaks of the server's load: `other` errors say nothing of it. */
export type Load = 'healthy' | 'overloaded' | 'other';

/** How many calls an endpoint takes at once, found as TCP finds a path's window (RFC 5681), with DCTCP's shrinking
 * (RFC 8257): doubled per round until the first overload, one more per round after it; after a round in which the share f of
 * the answers said overload, limit ← limit · (1 − f/2). A server that refuses every fifth call for reasons of its own is
 * slowed down a little, one that refuses everything is halved each round. A round is the time until a call ends that was sent after the last round did. */
export class Concurrency {
  readonly #max: number;
  #limit: number;
  #doubling = true;
  #sent = 0;
  #roundEnd = 0;
  /** Of the round: answers, those that said overload, healthy ones that came while the limit was used up. */
  #answers = 0;
  #overloads = 0;
  #tested = 0;

  constructor({ initial, max }: { readonly initial: number; readonly max: number }) {
    this.#max = Math.max(1, max);
    this.#limit = Math.max(1, Math.min(initial, this.#max));
  }

  /** Calls that may be in flight now; at least 1. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  /** A call is sent; answers its number, for `ended`. */
  begun(): number {
    return this.#sent++;
  }

  /** A call ended, of `inFlight` that there were. */
  ended(call: number, load: Load, inFlight: number): void {
    this.#answers++;
    if (load === 'overloaded') {
      this.#overloads++;
      this.#doubling = false;
    } else if (load === 'healthy' && inFlight >= this.limit) {
      // A limit that is not used is not tested either.
      this.#tested++;
      if (this.#doubling) this.#grow(1);
    }
    if (call < this.#roundEnd) return;
    // By round, not by place: calls that hang hold places, and bring no answers to grow by.
    if (!this.#doubling) this.#grow(this.#tested / this.#answers);
    this.#limit = Math.max(1, this.#limit * (1 - this.#overloads / this.#answers / 2));
    this.#tested = 0;
    this.#answers = 0;
    this.#overloads = 0;
    this.#roundEnd = this.#sent;
  }

  #grow(by: number): void {
    this.#limit = Math.min(this.#max, this.#limit + by);
  }
}

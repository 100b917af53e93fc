/** What a training may lose to its states, of its time. */
const SHARE = 0.02;
/** Nor are states written more often than this. */
const LEAST_SECONDS = 15;
/** What the first write is taken to need before one was measured: that of a slow disk. */
const BYTES_PER_SECOND = 400e6;
/** A state of at most so many bytes costs nothing that counts, and follows every checkpoint. */
const SMALL = 64e6;

export interface StateKeeperOptions {
  /** Writes the state as it is; nothing changes it until that has ended. */
  readonly write: () => Promise<void>;
  readonly bytes: number;
  /** Updates behind the start. */
  readonly updates: number;
  readonly signal?: AbortSignal | undefined;
}

/** Keeps the state of a training beside its steps: weights and moments stand still while the gradients of a step are computed, so
 * that a write needs no copy of them, and holds up only an update that comes before its end. That a write takes from the
 * training at most as long as it lasts is what the time between two of them is chosen by. */
export class StateKeeper {
  readonly #options: StateKeeperOptions;
  readonly #keepNow = () => this.#begin();
  #writing: Promise<void> = Promise.resolve();
  /** When the last write began, and how long it, or the first one as a guess, takes. */
  #begun = performance.now();
  #seconds: number;
  /** Updates behind what was written last, and behind the weights; null where an update is on its way. */
  #written: number;
  #updates: number | null;

  constructor(options: StateKeeperOptions) {
    this.#options = options;
    this.#seconds = options.bytes / BYTES_PER_SECOND;
    this.#written = options.updates;
    this.#updates = options.updates;
    // While what runs of a step comes to its end: both would take longer than an abort may.
    options.signal?.addEventListener('abort', this.#keepNow);
  }

  /** To be called after an update, when its step was noted: a state is begun if its time has come. */
  rest(updates: number, afterCheckpoint: boolean): void {
    this.#updates = updates;
    const passed = (performance.now() - this.#begun) / 1000;
    const due = passed >= Math.max(LEAST_SECONDS, this.#seconds / SHARE);
    if (due || (afterCheckpoint && this.#options.bytes <= SMALL)) this.#begin();
  }

  /** Runs an update, when no write needs the weights as they are. */
  async change(update: () => Promise<void>): Promise<void> {
    await this.#writing;
    this.#options.signal?.throwIfAborted();
    this.#updates = null;
    await update();
  }

  /** Resolves when the state is kept as it is; where an update has failed, the one before stays. */
  async keep(): Promise<void> {
    this.#begin();
    await this.#writing;
  }

  /** Resolves when nothing is written any more. */
  async close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#keepNow);
    await this.#writing.catch(() => {});
  }

  #begin(): void {
    // One that is going on is of these weights: an update would have waited for it.
    if (this.#updates === null || this.#updates === this.#written) return;
    this.#written = this.#updates;
    this.#begun = performance.now();
    this.#writing = this.#options.write().then(() => {
      this.#seconds = (performance.now() - this.#begun) / 1000;
    });
    // Heard by who waits for it.
    this.#writing.catch(() => {});
  }
}

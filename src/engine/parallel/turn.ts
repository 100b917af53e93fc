/** Above every number. */
const EVERYBODY = 2 ** 31 - 1;

/** Threads that take turns by number at each of several places: the first waits for nobody, each other one until the one
 * before it has passed there. */
export class Turn {
  readonly #now: Int32Array;
  readonly #own: number;

  /** `shared`: an int32 for each place, 0 at the start. */
  constructor(shared: SharedArrayBuffer, own: number) {
    this.#now = new Int32Array(shared);
    this.#own = own;
  }

  static shared(places: number): SharedArrayBuffer {
    return new SharedArrayBuffer(places * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Let everybody pass everywhere: one of the threads is gone, and its turn would never end. */
  static release(shared: SharedArrayBuffer): void {
    const now = new Int32Array(shared);
    for (const place of now.keys()) {
      Atomics.store(now, place, EVERYBODY);
      Atomics.notify(now, place);
    }
  }

  /** Blocks the thread until it is its turn. */
  wait(place: number): void {
    for (let now = Atomics.load(this.#now, place); now < this.#own; now = Atomics.load(this.#now, place))
      Atomics.wait(this.#now, place, now);
  }

  pass(place: number): void {
    this.wait(place);
    // Not where everybody may pass.
    Atomics.compareExchange(this.#now, place, this.#own, this.#own + 1);
    Atomics.notify(this.#now, place);
  }

  passAll(): void {
    for (const place of this.#now.keys()) this.pass(place);
  }
}

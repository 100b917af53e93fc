import { type Clock, SYSTEM_CLOCK } from './clock.ts';

/** The clock of a client whose real server lets calls hang: its time-outs come when nothing but hanging calls is in flight, so that
 * no other call ever times out on a busy machine, and nobody waits for those that do. Other times are real. */
export class HangClock implements Clock {
  readonly #timeout: number;
  readonly #timeouts = new Set<() => void>();
  #hanging = 0;
  #skipped = 0;

  /** `timeout`: the client's, which tells its time-outs from other timers. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  now(): number {
    return SYSTEM_CLOCK.now() + this.#skipped;
  }

  random(): number {
    return SYSTEM_CLOCK.random();
  }

  timer(milliseconds: number, callback: () => void): () => void {
    if (milliseconds !== this.#timeout) return SYSTEM_CLOCK.timer(milliseconds, callback);
    this.#timeouts.add(callback);
    return () => {
      if (this.#timeouts.delete(callback)) this.#check();
    };
  }

  /** The server has taken a call that it will not answer. */
  hangs(): void {
    this.#hanging++;
    this.#check();
  }

  #check(): void {
    if (this.#hanging === 0 || this.#timeouts.size > this.#hanging) return;
    const due = [...this.#timeouts];
    this.#timeouts.clear();
    this.#hanging = 0;
    this.#skipped += this.#timeout;
    for (const callback of due) callback();
  }
}

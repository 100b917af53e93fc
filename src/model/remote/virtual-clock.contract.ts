import { random } from '../../random.ts';
import type { Clock } from './clock.ts';

/** Time that passes only when nothing else is left to do: hours of waiting take a test no time. */
export class VirtualClock implements Clock {
  #now = 1_000_000;
  readonly #timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  #next = 0;
  readonly random: () => number;

  constructor(seed = 1) {
    this.random = random(seed);
  }

  now(): number {
    return this.#now;
  }

  get timers(): number {
    return this.#timers.size;
  }

  timer(milliseconds: number, callback: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + milliseconds, callback });
    return () => this.#timers.delete(id);
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.timer(milliseconds, resolve));
  }

  /** Let time pass until the work is done. Throws when it waits for something that no timer will bring. */
  async until<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const finished = () => {
      done = true;
    };
    work.then(finished, finished);
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (done) return work;
      let first: { readonly id: number; readonly at: number } | null = null;
      for (const [id, { at }] of this.#timers) if (first === null || at < first.at) first = { id, at };
      if (first === null) throw new Error('the work waits for nothing');
      const { callback } = this.#timers.get(first.id) as { callback: () => void };
      this.#timers.delete(first.id);
      this.#now = Math.max(this.#now, first.at);
      callback();
    }
  }
}

import { duration, whole } from '../report/format.ts';

/** Milliseconds between two looks of a terminal's line. */
const EVERY = 100;

/** How many pairs, or other units, are done, on stderr: one line that is rewritten in place on a terminal, else one at every tenth, where the
 * total is known. */
export class ProgressLine {
  readonly #title: string;
  readonly #total: number | null;
  readonly #unit: string;
  readonly #units: string;
  readonly #started = performance.now();
  readonly #terminal = process.stderr.isTTY === true;
  #last = 0;
  #tenth = 0;
  #shown = false;

  constructor(title: string, total: number | null = null, unit = 'pair', units = `${unit}s`) {
    this.#title = title;
    this.#total = total;
    this.#unit = unit;
    this.#units = units;
  }

  show(done: number): void {
    if (this.#terminal) {
      const now = performance.now();
      if (now - this.#last < EVERY) return;
      this.#last = now;
      this.#shown = true;
      process.stderr.write(`\r${this.#count(done)}${this.#left(done)}\x1b[K`);
    } else if (this.#total !== null) {
      const tenth = Math.floor((10 * done) / this.#total);
      if (tenth === this.#tenth || done === this.#total) return;
      this.#tenth = tenth;
      process.stderr.write(`${this.#count(done)}${this.#left(done)}\n`);
    }
  }

  /** Makes room for another line. */
  clear(): void {
    if (this.#shown) process.stderr.write('\r\x1b[K');
    this.#shown = false;
  }

  end(done: number): void {
    this.clear();
    process.stderr.write(`${this.#count(done)} in ${duration(this.#seconds)}\n`);
  }

  get #seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  #count(done: number): string {
    const of = this.#total === null ? '' : `${whole(done)} of `;
    const all = this.#total ?? done;
    return `${this.#title}: ${of}${whole(all)} ${all === 1 ? this.#unit : this.#units}`;
  }

  #left(done: number): string {
    if (this.#total === null) return '';
    return `, ${duration((this.#seconds / done) * (this.#total - done))} left`;
  }
}

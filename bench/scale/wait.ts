import { closeSync, openSync, readSync } from 'node:fs';

/** How long the main thread of a process was ready and had no core, where the system tells (Linux:
 * https://docs.kernel.org/scheduler/sched-stats.html); else nothing. */
export class WaitOf {
  readonly #file: number | null;
  readonly #bytes = Buffer.alloc(128);
  #had = 0;

  constructor(pid: number) {
    let file: number | null = null;
    try {
      file = openSync(`/proc/${pid}/schedstat`, 'r');
    } catch {}
    this.#file = file;
    this.more();
  }

  /** Seconds since the last call. */
  more(): number {
    if (this.#file === null) return 0;
    try {
      const length = readSync(this.#file, this.#bytes, 0, 128, 0);
      const waited = Number(this.#bytes.toString('latin1', 0, length).split(' ')[1]) / 1e9;
      const more = waited - this.#had;
      this.#had = waited;
      return more;
    } catch {
      // It has ended.
      return 0;
    }
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
  }
}

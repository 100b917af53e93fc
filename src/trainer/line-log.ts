import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { diskError } from '../engine/errors.ts';

const NEWLINE = 10;

/** A file of JSON lines that only grows. A line that was appended is in the kernel's hands, which a SIGKILL does not change; one
 * that was cut by it is not there. Throws CheckpointError `disk`. */
export class LineLog {
  readonly #path: string;
  readonly #file: number;

  private constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  /** Open to append behind the lines that are whole; `take` sees each of them, and those from the first that it refuses are
   * cut off. */
  static open(path: string, take: (line: unknown) => boolean): LineLog {
    try {
      const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
      let end = 0;
      for (let next = bytes.indexOf(NEWLINE); next >= 0; next = bytes.indexOf(NEWLINE, end)) {
        const line = parsed(bytes.toString('utf8', end, next));
        if (line === undefined || !take(line)) break;
        end = next + 1;
      }
      const file = openSync(path, 'a');
      ftruncateSync(file, end);
      return new LineLog(path, file);
    } catch (error) {
      throw diskError('write', path, error);
    }
  }

  append(line: object): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
    } catch (error) {
      throw diskError('write', this.#path, error);
    }
  }

  /** So that a power cut does not take its last lines. */
  sync(): void {
    try {
      fsyncSync(this.#file);
    } catch (error) {
      throw diskError('write', this.#path, error);
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

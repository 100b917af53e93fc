import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Tokens that a piece of work went through, and the seconds it took. */
export interface Timing {
  readonly tokens: number;
  readonly seconds: number;
}

/** Memory of a process in bytes. */
export interface Memory {
  /** Peak of the whole process so far. */
  readonly peak: number;
  /** Now. */
  readonly resident: number;
}

/** One of those that are measured: a process of its own that does one job at a time, each a line of JSON on its standard
 * input, and waits without turning a core in between. */
export class Side {
  readonly #process: ChildProcess;
  readonly #name: string;
  #settle: { resolve: (value: never) => void; reject: (error: Error) => void } | null = null;
  #errors = '';
  #gone: string | null = null;

  constructor(name: string, command: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#name = name;
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#process = child;
    child.stdin.on('error', () => {});
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4000);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { result, error } = JSON.parse(line) as { result: never; error?: string };
      if (error === undefined) this.#settle?.resolve(result);
      else this.#settle?.reject(new Error(`${name}: ${error}`));
      this.#settle = null;
    });
    const gone = (reason: string) => {
      this.#gone = `${name} ${reason}\n${this.#errors}`;
      this.#settle?.reject(new Error(this.#gone));
    };
    child.on('error', (error) => gone(`cannot be started: ${error.message}`));
    child.on('close', (code, signal) => gone(`ended with ${code ?? signal}`));
  }

  ask<Result>(job: { readonly do: string } & Readonly<Record<string, unknown>>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== null) return reject(new Error(this.#gone));
      if (this.#settle !== null) return reject(new Error(`${this.#name} is still at its last job`));
      this.#settle = { resolve, reject };
      this.#process.stdin?.write(`${JSON.stringify(job)}\n`);
    });
  }

  /** At once, whatever it is at. */
  kill(): void {
    this.#process.kill();
  }

  async close(): Promise<void> {
    if (this.#gone !== null) return;
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.stdin?.end();
    await ended;
  }
}

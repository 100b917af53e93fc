import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../../files.ts';
import { environmentRedactor } from '../remote/secret.ts';

/** Of the sources, or of what is built of them. */
const KEEPER = fileURLToPath(new URL(`./keeper${extname(import.meta.url)}`, import.meta.url));

/** A server that was started here; see keeper.ts. */
export class StartedServer {
  readonly #keeper: ChildProcess;
  readonly #ended: Promise<number>;
  /** Its exit code; null while it runs. */
  code: number | null = null;

  /** What it prints goes to the file `log`. */
  constructor(command: readonly string[], log: string) {
    makeFolder(dirname(log));
    this.#keeper = spawn(process.execPath, [KEEPER, log, ...command], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    // It may be gone before its input is ended.
    this.#keeper.stdin?.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      const over = (code: number) => {
        this.code ??= code;
        resolve(this.code);
      };
      this.#keeper.once('exit', (code) => over(code ?? 1));
      this.#keeper.once('error', () => over(1));
    });
  }

  /** Resolves when it has ended, by itself or not. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  /** Ends it and all that it started. */
  async end(): Promise<void> {
    this.#keeper.stdin?.end();
    await this.#ended;
  }
}

/** Most bytes of a log that are looked at. */
const TAIL = 4096;

/** The last lines of a log, without keys. */
export async function lastLines(log: string, count = 3): Promise<string> {
  const file = await open(log).catch(() => null);
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read({
      buffer: Buffer.alloc(Math.min(size, TAIL)),
      position: Math.max(0, size - TAIL),
    });
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n');
    const told = lines.map((line) => line.trim()).filter((line) => line !== '');
    return (
      environmentRedactor()(told.slice(-count).join(' | '))
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they would reach a terminal
        .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    );
  } finally {
    await file.close();
  }
}

/** A port of this machine that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

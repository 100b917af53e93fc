import { stripVTControlCharacters } from 'node:util';
import { EvalPlannerError } from '../errors.ts';

/** Text that somebody else wrote, safe to print: no escape sequences, no control characters but line breaks and tabs, and
 * none of the marks that turn the direction of writing. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '');
}

/** Write a result and wait until it is out: a pipe may take its time. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (!error) resolve();
      else reject(isGone(error) ? error : unwritten(error));
    });
  });
}

/** A reader that has seen enough (`| head`) is no failure; nor is a terminal that is gone. */
export function isGone(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED';
}

function unwritten(error: Error): EvalPlannerError {
  return new EvalPlannerError(
    'disk',
    `the result could not be written to standard output: ${error.message}`,
    'free some space or send it elsewhere, then run the same command again',
    error,
  );
}

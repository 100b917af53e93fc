import { stripVTControlCharacters } from 'node:util';

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
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

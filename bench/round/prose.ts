import { random, seedOf } from '../../src/random.ts';

const WORDS =
  'the answer of response first second checks whether it lists every item and counts them before naming'.split(
    ' ',
  );
/** Text that compresses and compares as prose does; others are copied out of it, since to write each would take longer than what
 * is measured. Bytes, so that a copy is a string of its own, as what a server sends is, and no view of this one. */
const next = random(0);
const POOL = Buffer.from(
  Array.from({ length: 2 ** 18 }, () => WORDS[Math.floor(next() * WORDS.length)]).join(' '),
  'latin1',
);

/** So many characters of made-up text, always the same for what it is of. */
export function prose(characters: number, ...of: readonly (string | number)[]): string {
  const start = Math.floor(random(seedOf('bench', ...of))() * (POOL.length - characters));
  // A mark at its end: trimming, as parsers do, takes nothing away.
  return `${POOL.toString('latin1', start, start + characters - 1)}.`;
}

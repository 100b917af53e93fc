import { MAX_LINE_BYTES } from './row.ts';

/** A line of a file: its text, or why there is none. Lines count from 1. */
export interface Line {
  readonly number: number;
  /** Without its end; of one that is not UTF-8 what can be read of it, of one that is too long nothing. */
  readonly text: string;
  readonly end: '\n' | '\r\n' | '\r';
  readonly fault?: 'too long' | 'not UTF-8';
}

const RETURN = 13;

/** The lines of a stream of bytes, which end in `ending`; memory is bounded by the longest line that is taken, `maxBytes`. */
export async function* lines(
  stream: AsyncIterable<Buffer>,
  ending: '\n' | '\r' = '\n',
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<Line> {
  // A BOM of a line is a character of it, but the file's own, which readers take away.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let parts: Buffer[] = [];
  let size = 0;
  let number = 0;
  const mark = ending.charCodeAt(0);
  const line = (): Line => {
    number++;
    const bytes = size > maxBytes ? null : Buffer.concat(parts);
    parts = [];
    size = 0;
    if (bytes === null) return { number, text: '', end: ending, fault: 'too long' };
    const returns = ending === '\n' && bytes.at(-1) === RETURN;
    const end = returns ? '\r\n' : ending;
    const own = returns ? bytes.subarray(0, -1) : bytes;
    try {
      return { number, text: decoder.decode(own), end };
    } catch {
      return { number, text: own.toString('utf8'), end, fault: 'not UTF-8' };
    }
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(mark); end >= 0; end = chunk.indexOf(mark, start)) {
      take(chunk.subarray(start, end));
      yield line();
      start = end + 1;
    }
    take(chunk.subarray(start));
  }
  if (size > 0) yield line();

  function take(part: Buffer): void {
    size += part.length;
    // What is too long anyway is counted, not kept.
    if (size <= maxBytes) parts.push(part);
    else parts = [];
  }
}

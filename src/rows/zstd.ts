import { pipeline, Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';

/** The bytes of a zstd stream of any number of frames, as parallel compressors and `cat` write them. Node's own stream ends with
 * the first frame and drops the others without a word. Throws what zlib throws where a frame is cut or is none. */
export async function* unzstd(source: Readable): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer[] = [];
  let ended = false;
  try {
    for (let first = true; first || rest.length > 0; first = false) {
      const frame = createZstdDecompress();
      // What was handed over and may lie behind the frame's end; `before` bytes of the frame came before it.
      let given = rest;
      let before = 0;
      const dropRead = () => {
        while (given[0] && before + given[0].length <= frame.bytesWritten)
          before += (given.shift() as Buffer).length;
      };
      const feed = async function* () {
        yield* [...given];
        while (!ended) {
          const { value, done } = await chunks.next();
          if (done) ended = true;
          else {
            dropRead();
            given.push(value);
            yield value;
          }
        }
      };
      const input = Readable.from(feed(), { highWaterMark: 1 });
      // Errors of the input reach the reader through the frame.
      yield* pipeline(input, frame, () => {}) as AsyncIterable<Buffer>;
      dropRead();
      const [head, ...tail] = given;
      const unread = head?.subarray(frame.bytesWritten - before);
      given = [];
      rest = unread && unread.length > 0 ? [unread, ...tail] : tail;
    }
  } finally {
    source.destroy();
  }
}

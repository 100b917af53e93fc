import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { openCheckpoint } from './checkpoint.ts';
import { openTokenizer } from './open-tokenizer.ts';
import { StopTexts, TextStream } from './text-stream.ts';
import type { Tokenizer } from './tokenizer.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  ({ tokenizer } = await openCheckpoint(join(import.meta.dirname, '../../../seed/model')));
});

test('every character comes out whole, and the pieces are the text', () => {
  // The seed vocabulary has no merges: each character outside ASCII is two to four tokens.
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (text) => {
      fc.pre(!text.includes('\ufffd'));
      const ids = tokenizer.encode(text);
      const stream = new TextStream(tokenizer);
      const pieces = ids.map((id) => stream.push(id));
      expect([...pieces, stream.end()].join('')).toBe(tokenizer.decode(ids));
      for (const piece of pieces) {
        expect(piece.isWellFormed()).toBe(true);
        expect(piece).not.toContain('\ufffd');
      }
    }),
  );
  const ids = tokenizer.encode('é😀');
  expect(ids).toHaveLength(6);
  const stream = new TextStream(tokenizer);
  expect(ids.map((id) => stream.push(id))).toEqual(['', 'é', '', '', '', '😀']);
});

test('tokens that are no text at all decode to what they decode to at once', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 659 }), { maxLength: 40 }), (ids) => {
      const stream = new TextStream(tokenizer);
      expect(ids.map((id) => stream.push(id)).join('') + stream.end()).toBe(tokenizer.decode(ids));
    }),
  );
});

test('a text that goes on from another begins with its space, where a tokenizer takes it from the start of a text', () => {
  const vocab = Object.fromEntries(
    ['<s>', '</s>', '▁', 'A', '▁A', '▁so', ':'].map((token, id) => [token, id]),
  );
  const decoders = [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ];
  const model = { type: 'BPE', unk_token: '<s>', vocab, merges: [] };
  const none = { normalizer: null, pre_tokenizer: null, post_processor: null };
  const pieces = openTokenizer('here', {
    'tokenizer.json': JSON.stringify({
      ...none,
      added_tokens: [],
      model,
      decoder: { type: 'Sequence', decoders },
    }),
  });
  const text = (...before: number[]) => {
    const stream = new TextStream(pieces, before);
    return stream.push(4) + stream.push(5) + stream.end();
  };
  expect(text()).toBe('A so');
  expect(text(6)).toBe(' A so');
});

test('a token’s bytes are those of the text around it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (text) => {
      const ids = tokenizer.encode(text);
      const bytes = ids.flatMap((id) => [...tokenizer.bytes(id)]);
      expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(tokenizer.decode(ids));
    }),
  );
});

test('a text ends before its first stop, however it is divided', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 20 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '\n'), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(
      letters,
      stops,
      fc.infiniteStream(fc.integer({ min: 0, max: 5 })),
      (text, wanted, lengths) => {
        const cutter = new StopTexts(wanted);
        let found = '';
        let rest = text;
        while (rest !== '' && !cutter.found) {
          const length = lengths.next().value as number;
          found += cutter.push(rest.slice(0, length));
          // What is told already never has to be taken back, nor could it be told earlier.
          const seen = text.length - rest.length + Math.min(length, rest.length);
          const held = text.slice(found.length, seen);
          if (!cutter.found) expect(held === '' || wanted.some((stop) => stop.startsWith(held))).toBe(true);
          rest = rest.slice(length);
        }
        if (!cutter.found) found += cutter.end();
        const first = Math.min(...wanted.map((stop) => text.indexOf(stop)).filter((at) => at >= 0));
        expect(cutter.found).toBe(first !== Number.POSITIVE_INFINITY);
        expect(found).toBe(cutter.found ? text.slice(0, first) : text);
      },
    ),
  );
});

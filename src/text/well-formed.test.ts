import fc from 'fast-check';
import { expect, it } from 'vitest';
import { wellFormed } from './well-formed.ts';

it.each([
  ['a\ud83d', 'a\uFFFD'],
  ['\udc00b', '\uFFFDb'],
  ['a\0b', 'a\uFFFDb'],
  ['😀 \uFFFD \t\n', '😀 \uFFFD \t\n'],
])('%j is %j', (text, whole) => expect(wellFormed(text)).toBe(whole));

it('is the text that UTF-8 gives back, and itself a second time', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      const text = wellFormed(`${a}\ud83d${b}\0`);
      expect(Buffer.from(text, 'utf8').toString('utf8')).toBe(text);
      expect(wellFormed(text)).toBe(text);
    }),
  );
});

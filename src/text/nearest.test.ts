import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

/** The same by dense vectors, as the formula stands. */
function byFormula(texts: readonly string[]): number[][] {
  const words = texts.map((text) => text.split(' ').filter(Boolean));
  const all = [...new Set(words.flat())];
  const df = all.map((word) => words.filter((of) => of.includes(word)).length);
  const vectors = words.map((of) => {
    const v = all.map(
      (word, i) =>
        of.filter((w) => w === word).length * (Math.log((1 + texts.length) / (1 + (df[i] as number))) + 1),
    );
    const length = Math.hypot(...v) || 1;
    return v.map((x) => x / length);
  });
  return vectors.map((a) => vectors.map((b) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)));
}

test('is the text of the highest cosine', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const text = fc.array(word, { maxLength: 6 }).map((words) => words.join(' '));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), (texts) => {
      const cosines = byFormula(texts);
      for (const [i, found] of nearest(texts).entries()) {
        const others = (cosines[i] as number[]).map((cosine, j) => (j === i ? 0 : cosine));
        const highest = Math.max(0, ...others);
        if (highest < 1e-9) expect(found).toBe(-1);
        else expect(others[found]).toBeCloseTo(highest, 9);
      }
    }),
  );
});

test('rare words count more than common ones', () => {
  const texts = [
    'write a poem about whales',
    'write a poem about trains',
    'how do whales sleep',
    'write a list of towns',
    'write a recipe',
  ];
  expect(nearest(texts)[2]).toBe(0);
  expect(nearest(texts)[0]).toBe(1);
  expect(nearest(['alone'])).toEqual([-1]);
  expect(nearest([])).toEqual([]);
});

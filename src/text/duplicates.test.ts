import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pick, random, shuffle } from '../random.ts';
import { Duplicates, estimate, normalised, signature } from './duplicates.ts';

const WORDS = Array.from({ length: 400 }, (_, i) => `w${i.toString(36)}`);
const next = random(7);
const text = (length: number) => Array.from({ length }, () => pick(next, WORDS));
/** Some words replaced by others. */
const changed = (words: readonly string[], share: number) =>
  words.map((word) => (next() < share ? pick(next, WORDS) : word));

/** Word 3-grams, each with a number of its own below 400³ < 2³². */
function trigrams(text: string): Set<number> {
  const ids = text.split(' ').map((word) => WORDS.indexOf(word));
  return new Set(ids.slice(2).map((id, i) => ((ids[i] as number) * 400 + (ids[i + 1] as number)) * 400 + id));
}

function jaccard(a: string, b: string): number {
  const [first, second] = [trigrams(a), trigrams(b)];
  const shared = [...first].filter((x) => second.has(x)).length;
  return shared / (first.size + second.size - shared);
}

describe('MinHash', () => {
  it('estimates the Jaccard similarity of two sets: 400 pairs, mean error below one standard error', () => {
    const errors = Array.from({ length: 400 }, (_, i) => {
      const words = text(40 + (i % 100));
      const [a, b] = [words.join(' '), changed(words, (i % 20) / 60).join(' ')];
      return estimate(signature(trigrams(a)), signature(trigrams(b))) - jaccard(a, b);
    });
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const rms = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
    expect(Math.abs(mean)).toBeLessThan(0.01);
    expect(rms).toBeLessThan(0.044);
  });
});

describe('Duplicates', () => {
  it('finds copies, whatever their case, spaces and punctuation', () => {
    const seen = new Duplicates(null);
    expect(seen.check('What is 2 + 2?')).toBeNull();
    expect(seen.check('what is  2+2')).toEqual({ kind: 'exact duplicate', of: 0 });
    expect(seen.check('What is 2 + 3?')).toBeNull();
  });

  it('finds nearly all near copies among many texts, and takes hardly any other for one', () => {
    const seen = new Duplicates(0.8);
    const originals = Array.from({ length: 600 }, () => text(60));
    for (const words of originals) expect(seen.check(words.join(' '))).toBeNull();
    let [near, found, wrong] = [0, 0, 0];
    for (const words of shuffle(next, originals)) {
      const copy = changed(words, 0.03).join(' ');
      const similar = jaccard(words.join(' '), copy);
      const told = seen.find(copy) !== null;
      if (similar >= 0.88) {
        near++;
        found += Number(told);
      }
      if (similar < 0.7) wrong += Number(told);
    }
    expect(near).toBeGreaterThan(100);
    expect(found / near).toBeGreaterThan(0.95);
    expect(wrong).toBe(0);
  });

  it('tells texts without spaces apart', () => {
    const seen = new Duplicates(0.8);
    expect(seen.check('请用中文写一首关于秋天落叶和回忆的诗歌，不少于八行，每行七个字')).toBeNull();
    expect(seen.check('请解释光合作用的主要步骤，并且说明为什么叶子通常是绿色的而不是红色')).toBeNull();
    expect(seen.check('请用中文写一首关于秋天落叶和回忆的诗歌，不少于八行，每行七个字。')?.kind).toBe(
      'exact duplicate',
    );
  });

  it('texts of signs alone are only copies of themselves', () => {
    const seen = new Duplicates(null);
    expect(seen.check('???')).toBeNull();
    expect(seen.check('!!!')).toBeNull();
    expect(seen.check('???')?.kind).toBe('exact duplicate');
  });

  it('normalising twice changes nothing more', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (any) => {
        expect(normalised(normalised(any))).toBe(normalised(any));
      }),
    );
  });
});

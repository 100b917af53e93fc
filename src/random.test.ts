import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sequenceRandom } from './engine/sampling/random.ts';
import { integer, pick, random, seedOf, shuffle } from './random.ts';

describe('seedOf', () => {
  // python3: struct.unpack('<I', hashlib.sha256('\x1f'.join(map(str, key)).encode()).digest()[:4])[0]
  it.each<[readonly (string | number)[], number]>([
    [[], 1120186595],
    [['a'], 310482890],
    [['a', 1], 2752618115],
    [[7, 'execution', 'planned', 1, 'é', -3], 2953627530],
    [[0.5], 1907215314],
  ])('%j', (parts, expected) => expect(seedOf(...parts)).toBe(expected));

  it('tells apart where one part ends and the next begins', () => {
    expect(seedOf('ab', 'c')).not.toBe(seedOf('a', 'bc'));
    expect(seedOf('a', '')).not.toBe(seedOf('a'));
  });
});

describe('random', () => {
  // mulberry32 of github.com/bryc/code (public domain, Tommy Ettinger), its C source run with 32-bit masks in python3.
  it.each<[number, readonly number[]]>([
    [0, [1144304738, 1416247, 958946056, 627933444]],
    [1, [2693262067, 11749833, 2265367787, 4213581821]],
    [12345, [4207900869, 1317490944, 2079646450, 3513001552]],
    [4294967295, [3850105811, 813802916, 3073704848, 4054706436]],
  ])('seed %i', (seed, expected) => {
    const next = random(seed);
    expect(expected.map(() => next() * 2 ** 32)).toEqual(expected);
  });

  // MurmurHash3's fmix32 in python3: the engine, which imports nothing, has its own copy of mulberry32, begun at it.
  it.each([
    [0, 0],
    [1, 1364076727],
    [12345, 1011272156],
    [4294967295, 2180083513],
  ])('a sequence of seed %i begins at %i', (seed, mixed) => {
    const [sampling, next] = [sequenceRandom(seed), random(mixed)];
    for (let i = 0; i < 9; i++) expect(sampling()).toBe(next());
  });

  it('stays in [0, 1) and is spread evenly', () => {
    const next = random(3);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[Math.floor(next() * 10)]! += 1;
    // Five standard deviations of a binomial(10000, 0.1).
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('choices', () => {
  it('an integer lies in its range, ends included', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: -9, max: 9 }), fc.nat(5), (seed, low, width) => {
        const next = random(seed);
        const seen = new Set(Array.from({ length: 200 }, () => integer(next, low, low + width)));
        expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: width + 1 }, (_, i) => low + i));
      }),
    );
  });

  it('every element is picked', () => {
    const next = random(1);
    expect(new Set(Array.from({ length: 100 }, () => pick(next, ['a', 'b', 'c'])))).toEqual(
      new Set(['a', 'b', 'c']),
    );
  });

  it('a shuffle is a permutation, made by the seed; the list itself stays', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), fc.nat(), (list, seed) => {
        const before = [...list];
        const shuffled = shuffle(random(seed), list);
        const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
        expect(sorted(shuffled)).toEqual(sorted(list));
        expect(list).toEqual(before);
        expect(shuffle(random(seed), list)).toEqual(shuffled);
      }),
    );
  });

  it('all orders of three are equally likely', () => {
    const next = random(9);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = shuffle(next, ['a', 'b', 'c']).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // Five standard deviations of a binomial(6000, 1/6).
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(145);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MicroBatch, microBatches, type Sequence } from './sequence.ts';

const PAD = 99;

const sequence: fc.Arbitrary<Sequence> = fc
  .tuple(
    fc.array(fc.nat(50), { minLength: 2, maxLength: 70 }),
    fc.double({ min: 0, max: 0.999, noNaN: true }),
  )
  .chain(([ids, share]) => {
    const start = 1 + Math.floor(share * (ids.length - 1));
    const weight = fc.float({ min: 0, max: 4, noNaN: true });
    const weights = fc.array(weight, { minLength: ids.length - start, maxLength: ids.length - start });
    return fc
      .option(weights, { nil: undefined })
      .map((weights) => (weights ? { ids, start, weights } : { ids, start }));
  });
/** Sequences that often begin alike. */
const batches = fc
  .record({
    unit: fc.constantFrom<1 | 2>(1, 2),
    tokens: fc.integer({ min: 16, max: 600 }),
    parts: fc.constantFrom(1, 2),
  })
  .chain((options) =>
    fc.array(fc.tuple(sequence, fc.nat(80), fc.boolean()), { maxLength: 40 }).map((list) => ({
      ...options,
      sequences: list.slice(0, list.length - (list.length % options.unit)).map(([own, shared, same], i) => {
        if (i % 2 === 0 || options.unit === 1) return own;
        const [other] = list[i - 1]!;
        const ids = [...other.ids.slice(0, shared), ...own.ids];
        if (same && other.start < ids.length) return { ids, start: other.start };
        return { ids, start: Math.min(own.start, ids.length - 1) };
      }),
    })),
  );

const layouts = (options: { unit: 1 | 2; tokens: number; parts: number }) => ({ ...options, padId: PAD });

/** Tokens that a pair lays out once. */
function shared(a: Sequence | undefined, b: Sequence): number {
  if (!a) return 0;
  const most = a.start === b.start ? Math.min(a.ids.length, b.ids.length) : Math.min(a.start, b.start);
  let count = 0;
  while (count < most && a.ids[count] === b.ids[count]) count++;
  return count;
}

/** What a micro-batch holds of each of its sequences, read back by what a token sees: ids, and targets as [index, weight]. */
function readBack(micro: MicroBatch) {
  const { length, ids, positions, cells, places, sight, targets, before, labels, weights, owner, owners } =
    micro;
  const found = Array.from({ length: micro.sequences }, () => ({
    ids: [] as number[],
    targets: [] as (readonly [index: number, label: number, weight: number])[],
  }));
  for (let r = 0; r < targets; r++) {
    if (owner[r] === -1) {
      expect([weights[r], owners[r]]).toEqual([0, 0]);
      expect(before[r]!).toBeLessThan(ids.length);
      continue;
    }
    const at = places[before[r]!]!;
    const origin = at - (at % length);
    const seen: number[] = [];
    for (let column = 0; column <= at % length; column++) {
      const other = column < sight.group[at]!;
      if (!other && !(column >= sight.shared[at]! && column < sight.branch[at]!)) {
        const token = cells[origin + column]!;
        expect(Number(positions[token])).toBe(seen.length);
        seen.push(Number(ids[token]));
      }
    }
    for (let s = owner[r]!; s < owner[r]! + owners[r]!; s++) {
      found[s]!.targets.push([seen.length, Number(labels[r]), weights[r]!]);
      if (seen.length >= found[s]!.ids.length) found[s]!.ids = [...seen, Number(labels[r])];
    }
  }
  return found;
}

describe('microBatches', () => {
  it('holds every sequence exactly once, pairs side by side', () => {
    fc.assert(
      fc.property(batches, ({ sequences, ...options }) => {
        const micros = microBatches(sequences, layouts(options));
        const indices = micros.flatMap((micro) => micro.indices);
        expect(indices.toSorted((a, b) => a - b)).toEqual(sequences.map((_, i) => i));
        for (const { micro, indices } of micros) {
          expect(micro.sequences).toBe(indices.length);
          if (options.unit === 1) continue;
          for (let at = 0; at < indices.length; at += 2) {
            expect(indices[at]! % 2).toBe(0);
            expect(indices[at + 1]).toBe(indices[at]! + 1);
          }
        }
      }),
    );
  });

  it('has no padding between tokens, and each in a cell; padding and empty cells are for one another', () => {
    fc.assert(
      fc.property(batches, ({ sequences, ...options }) => {
        for (const { micro, indices } of microBatches(sequences, layouts(options))) {
          const { tokens, batch, length, cells, places, ids, positions } = micro;
          const sizes = [ids, positions, places].map((array) => array.length);
          expect(sizes).toEqual([tokens, tokens, tokens]);
          expect(cells.length).toBe(batch * length);
          const own = indices.map((index) => sequences[index]!);
          const used = own.reduce(
            (sum, sequence, i) =>
              sum + sequence.ids.length - (i % options.unit) * shared(own[i - 1], sequence),
            0,
          );
          for (let token = 0; token < used; token++) expect(cells[places[token]!]).toBe(token);
          if (used === cells.length) {
            expect(tokens).toBe(used);
            continue;
          }
          expect(tokens).toBe(8 * Math.ceil((used + 1) / 8));
          for (let token = used; token < tokens; token++) {
            expect(ids[token]).toBe(BigInt(PAD));
            expect(cells[places[token]!]).toBe(tokens - 1);
          }
          expect(cells.filter((token) => token === tokens - 1).length).toBe(cells.length - used);
        }
      }),
    );
  });

  it('knows the targets of each token, the last of which is padding', () => {
    fc.assert(
      fc.property(batches, ({ sequences, ...options }) => {
        for (const { micro } of microBatches(sequences, layouts(options))) {
          const { targets, before, owner, targetsAt } = micro;
          expect(owner[targets - 1]).toBe(-1);
          const known = targetsAt.flatMap((at) =>
            [...at.entries()]
              .filter(([, r]) => r !== targets - 1)
              .map(([token, r]) => `${token} before ${r}`),
          );
          const all = Array.from(before, (token, r) => `${token} before ${r}`).filter(
            (_, r) => owner[r] !== -1,
          );
          expect(known.toSorted()).toEqual(all.toSorted());
        }
      }),
    );
  });

  it('stays within the bound of tokens, unless one group alone is over it; the longest come first', () => {
    fc.assert(
      fc.property(batches, ({ sequences, ...options }) => {
        const micros = microBatches(sequences, layouts(options));
        let before = Number.POSITIVE_INFINITY;
        for (const [i, { micro }] of micros.entries()) {
          const { tokens, batch, length, sequences: count } = micro;
          // Padding comes on top.
          if (count > options.unit) expect(tokens).toBeLessThanOrEqual(options.tokens + 8);
          expect(tokens).toBeLessThanOrEqual(batch * length);
          if (options.parts === 1 && i > 0) {
            const longest = Math.max(...micros[i]!.indices.map((index) => sequences[index]!.ids.length));
            if (options.unit === 1) expect(longest).toBeLessThanOrEqual(before);
          }
          before = Math.min(...micros[i]!.indices.map((index) => sequences[index]!.ids.length));
        }
      }),
    );
  });

  it('packs rows where that is less work for attention: never more than each group in a row of its own', () => {
    fc.assert(
      fc.property(batches, ({ sequences, unit }) => {
        const [all] = microBatches(sequences, layouts({ unit, tokens: 1e6, parts: 1 }));
        if (!all) return;
        const groups = Array.from({ length: sequences.length / unit }, (_, g) => {
          const own = sequences.slice(g * unit, (g + 1) * unit);
          return (
            own.reduce((sum, { ids }) => sum + ids.length, 0) - (unit === 2 ? shared(own[0], own[1]!) : 0)
          );
        });
        const longest = 8 * Math.ceil(Math.max(...groups) / 8);
        const { batch, length } = all.micro;
        expect(batch).toBeLessThanOrEqual(groups.length);
        expect(batch * length ** 2).toBeLessThanOrEqual(groups.length * longest ** 2);
      }),
    );
    const rows = (...lengths: number[]) => {
      const of = lengths.map((length, i) => ({ ids: new Array<number>(length).fill(i), start: 1 }));
      const [all] = microBatches(of, layouts({ unit: 1, tokens: 1e6, parts: 1 }));
      return [all!.micro.batch, all!.micro.length];
    };
    // 2 · 48² is less than 4 · 40² and than 88².
    expect(rows(40, 30, 10, 8)).toEqual([2, 48]);
    expect(rows(40, 40, 40, 40)).toEqual([4, 40]);
    expect(rows(40, 8)).toEqual([1, 48]);
  });

  it.each<[lengths: number[], sizes: number[]]>([
    // One group fills a part: the other takes what is left.
    [
      [900, ...new Array<number>(5).fill(100)],
      [900, 500],
    ],
    [new Array<number>(10).fill(200), [1000, 1000]],
    [
      [157, 147, 141, 129, 124, 114, 113, 108, 106, 104, 99, 96, 92, 82, 81, 80],
      [890, 883],
    ],
    // All would fit into two parts, but not whole.
    [new Array<number>(3).fill(600), [600, 600, 600]],
  ])('gives what runs at the same time about as many tokens, at most 1,024: %j', (lengths, expected) => {
    const of = lengths.map((length, i) => ({ ids: new Array<number>(length).fill(i), start: 1 }));
    const micros = microBatches(of, layouts({ unit: 1, tokens: 1024, parts: 2 }));
    const sizes = micros.map(({ indices }) => indices.reduce((sum, index) => sum + lengths[index]!, 0));
    expect(sizes).toEqual(expected);
  });

  it('rows of one length make as many micro-batches as run at a time, of one size', () => {
    const same = Array.from({ length: 32 }, (_, i) => ({ ids: new Array<number>(24).fill(i), start: 1 }));
    const sizes = (tokens: number, parts: number) =>
      microBatches(same, layouts({ unit: 1, tokens, parts })).map(({ micro }) => micro.batch);
    expect(sizes(1024, 2)).toEqual([16, 16]);
    expect(sizes(512, 1)).toEqual([16, 16]);
    expect(sizes(300, 2)).toEqual([8, 8, 8, 8]);
    expect(sizes(10, 2)).toEqual(new Array(32).fill(1));
  });

  it('has each completion token as a target of its sequence, after the tokens before it, with its weight', () => {
    fc.assert(
      fc.property(batches, ({ sequences, ...options }) => {
        for (const { micro, indices } of microBatches(sequences, layouts(options))) {
          const found = readBack(micro);
          for (const [s, index] of indices.entries()) {
            const { ids, start, weights } = sequences[index]!;
            expect(found[s]!.ids).toEqual(ids);
            const expected = ids.slice(start).map((id, i) => [start + i, id, weights?.[i] ?? 1] as const);
            const partner = sequences[indices[s % 2 === 0 ? s + 1 : s - 1]!];
            for (const [t, [index, label, weight]] of found[s]!.targets.entries()) {
              expect([index, label]).toEqual(expected[t]!.slice(0, 2));
              // A shared target weighs what its sequences give it together.
              const other = partner?.weights?.[t] ?? 1;
              const own = expected[t]![2];
              expect([Math.fround(own), Math.fround(own + other)]).toContain(weight);
            }
            expect(found[s]!.targets.length).toBe(expected.length);
          }
          const total = micro.weights.reduce((a, b) => a + b, 0);
          const sum = indices.reduce((all, index) => {
            const { ids, start, weights } = sequences[index]!;
            return all + (weights?.reduce((a, b) => a + b, 0) ?? ids.length - start);
          }, 0);
          expect(Math.abs(total - sum)).toBeLessThan(1e-3 * Math.max(1, sum));
        }
      }),
    );
  });

  it('lays what a pair shares out once', () => {
    const pair = [
      { ids: [5, 6, 7, 8, 9], start: 2 },
      { ids: [5, 6, 7, 4], start: 2 },
    ];
    const { micro } = microBatches(pair, layouts({ unit: 2, tokens: 64, parts: 1 }))[0]!;
    const line = (values: Iterable<number | bigint>) => Array.from(values, Number);
    expect(line(micro.ids)).toEqual([5, 6, 7, 8, 9, 4, PAD, PAD]);
    expect(line(micro.cells)).toEqual([0, 1, 2, 3, 4, 5, 7, 7]);
    expect(line(micro.places)).toEqual([0, 1, 2, 3, 4, 5, 6, 6]);
    expect(line(micro.positions)).toEqual([0, 1, 2, 3, 4, 3, 0, 0]);
    expect(line(micro.sight.branch)).toEqual([0, 0, 0, 3, 3, 5, 0, 0]);
    expect(line(micro.sight.shared)).toEqual([3, 3, 3, 3, 3, 3, 0, 0]);
    expect(line(micro.sight.group)).toEqual(new Array(8).fill(0));
    expect(line(micro.before).slice(0, 4)).toEqual([1, 2, 3, 2]);
    expect(line(micro.labels).slice(0, 4)).toEqual([7, 8, 9, 4]);
    expect(line(micro.weights).slice(0, 4)).toEqual([2, 1, 1, 1]);
    expect(line(micro.owners).slice(0, 4)).toEqual([2, 1, 1, 1]);
    // The last shared token is before a target in each branch.
    expect(micro.targetsAt.map(line)).toEqual([
      [63, 0, 1, 2, 63, 63, 63, 63],
      [63, 63, 3, 63, 63, 63, 63, 63],
    ]);
  });

  it('nothing in, nothing out', () => {
    expect(microBatches([], { tokens: 100, unit: 2, padId: 0 })).toEqual([]);
  });
});

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
    width: fc.constantFrom(undefined, 1, 16, 1000),
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

const layouts = ({
  width,
  ...options
}: {
  unit: 1 | 2;
  tokens: number;
  parts: number;
  width?: number | undefined;
}) => ({
  ...options,
  ...(width === undefined ? {} : { width }),
  padId: PAD,
});

/** What a micro-batch holds of each of its sequences, read back by what a token sees: ids, and targets as [index, weight]. */
function readBack(micro: MicroBatch) {
  const { length, ids, positions, sight, targets, rows, labels, weights, owner, owners } = micro;
  const found = Array.from({ length: micro.sequences }, () => ({
    ids: [] as number[],
    targets: [] as (readonly [index: number, label: number, weight: number])[],
  }));
  for (let r = 0; r < targets; r++) {
    if (owner[r] === -1) {
      expect([weights[r], owners[r]]).toEqual([0, 0]);
      expect(Number(rows[r])).toBeLessThan(ids.length);
      continue;
    }
    const at = Number(rows[r]);
    const origin = at - (at % length);
    const seen: number[] = [];
    for (let column = 0; column <= at % length; column++) {
      const other = column < sight.group[at]!;
      if (!other && !(column >= sight.shared[at]! && column < sight.branch[at]!)) {
        expect(Number(positions[origin + column])).toBe(seen.length);
        seen.push(Number(ids[origin + column]));
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
          if (options.width === undefined) expect(micro.batch * options.unit).toBe(indices.length);
          if (options.unit === 1) continue;
          for (let at = 0; at < indices.length; at += 2) {
            expect(indices[at]! % 2).toBe(0);
            expect(indices[at + 1]).toBe(indices[at]! + 1);
          }
        }
      }),
    );
  });

  it('stays within the bound of tokens, unless one row alone is over it; the longest come first', () => {
    fc.assert(
      fc.property(batches, ({ sequences, ...options }) => {
        const micros = microBatches(sequences, layouts(options)).map(({ micro }) => micro);
        for (const [i, { batch, length, positions, sequences: count }] of micros.entries()) {
          if (options.width !== undefined) {
            // Every token of a packed row but its padding has a position, and only firsts are at 0.
            const tokens = positions.reduce((sum, position) => sum + Number(position > 0n), 0);
            if (count > options.unit) expect(tokens).toBeLessThanOrEqual(options.tokens);
            continue;
          }
          if (batch > 1) expect(batch * length).toBeLessThanOrEqual(options.tokens);
          if (i > 0) expect(length).toBeLessThanOrEqual(micros[i - 1]!.length);
        }
      }),
    );
  });

  it('packs rows where that is less work: never more than each in a row of its own', () => {
    const work = (width: number, { batch, length }: MicroBatch) => batch * length * (3 * width + length);
    fc.assert(
      fc.property(batches, ({ sequences, ...options }) => {
        const width = options.width ?? 100;
        const tokens = 1e6;
        const [packed] = microBatches(sequences, layouts({ ...options, parts: 1, tokens, width }));
        const [apart] = microBatches(sequences, layouts({ ...options, parts: 1, tokens, width: undefined }));
        if (!packed || !apart) return;
        expect(work(width, packed.micro)).toBeLessThanOrEqual(work(width, apart.micro));
      }),
    );
    const rows = [40, 30, 10, 8].map((length, i) => ({ ids: new Array<number>(length).fill(i), start: 1 }));
    const [wide] = microBatches(rows, layouts({ unit: 1, tokens: 1e6, parts: 1, width: 1000 }));
    expect([wide!.micro.batch, wide!.micro.length]).toEqual([1, 88]);
    const [narrow] = microBatches(rows, layouts({ unit: 1, tokens: 1e6, parts: 1, width: 8 }));
    expect([narrow!.micro.batch, narrow!.micro.length]).toEqual([2, 48]);
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
    expect(line(micro.positions)).toEqual([0, 1, 2, 3, 4, 3, 0, 0]);
    expect(line(micro.sight.branch)).toEqual([0, 0, 0, 3, 3, 5, 0, 0]);
    expect(line(micro.sight.shared)).toEqual([3, 3, 3, 3, 3, 3, 0, 0]);
    expect(line(micro.sight.group)).toEqual(new Array(8).fill(0));
    expect(line(micro.rows).slice(0, 4)).toEqual([1, 2, 3, 2]);
    expect(line(micro.labels).slice(0, 4)).toEqual([7, 8, 9, 4]);
    expect(line(micro.weights).slice(0, 4)).toEqual([2, 1, 1, 1]);
    expect(line(micro.owners).slice(0, 4)).toEqual([2, 1, 1, 1]);
  });

  it('nothing in, nothing out', () => {
    expect(microBatches([], { tokens: 100, unit: 2, padId: 0 })).toEqual([]);
  });
});

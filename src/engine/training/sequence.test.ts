import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { microBatches, type Sequence } from './sequence.ts';

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
const batches = fc
  .record({ unit: fc.constantFrom<1 | 2>(1, 2), tokens: fc.integer({ min: 16, max: 600 }) })
  .chain(({ unit, tokens }) =>
    fc.array(sequence, { maxLength: 40 }).map((list) => ({
      unit,
      tokens,
      sequences: list.slice(0, list.length - (list.length % unit)),
    })),
  );

describe('microBatches', () => {
  it('holds every sequence exactly once, pairs side by side', () => {
    fc.assert(
      fc.property(batches, ({ unit, tokens, sequences }) => {
        const micros = microBatches(sequences, { tokens, unit, padId: PAD });
        const indices = micros.flatMap((micro) => micro.indices);
        expect(indices.toSorted((a, b) => a - b)).toEqual(sequences.map((_, i) => i));
        for (const { micro, indices } of micros) {
          expect(micro.batch).toBe(indices.length);
          if (unit === 1) continue;
          for (let at = 0; at < indices.length; at += 2) {
            expect(indices[at]! % 2).toBe(0);
            expect(indices[at + 1]).toBe(indices[at]! + 1);
          }
        }
      }),
    );
  });

  it('stays within the bound of padded tokens, unless one unit alone is over it', () => {
    fc.assert(
      fc.property(batches, ({ unit, tokens, sequences }) => {
        for (const { micro } of microBatches(sequences, { tokens, unit, padId: PAD })) {
          if (micro.batch > unit) expect(micro.batch * micro.length).toBeLessThanOrEqual(tokens);
        }
      }),
    );
  });

  it('wastes little: the longest come first, and a micro-batch is as full as its longest sequence allows', () => {
    fc.assert(
      fc.property(batches, ({ unit, tokens, sequences }) => {
        const micros = microBatches(sequences, { tokens, unit, padId: PAD }).map(({ micro }) => micro);
        for (const [i, micro] of micros.slice(0, -1).entries()) {
          expect(micros[i + 1]!.length).toBeLessThanOrEqual(micro.length);
          expect((micro.batch + unit) * micro.length).toBeGreaterThan(tokens);
        }
      }),
    );
  });

  it('has each completion token as a label, at the row of the token before it, with its weight and owner', () => {
    fc.assert(
      fc.property(batches, ({ unit, tokens, sequences }) => {
        for (const { micro, indices } of microBatches(sequences, { tokens, unit, padId: PAD })) {
          const { batch, length, targets, ids, rows, labels, weights, owner } = micro;
          expect(ids.length).toBe(batch * length);
          for (const list of [rows, labels, weights, owner]) expect(list.length).toBe(targets);
          const found = indices.map(() => [] as (readonly [label: number, weight: number])[]);
          for (let r = 0; r < targets; r++) {
            if (owner[r] === -1) {
              expect(weights[r]).toBe(0);
              expect(Number(rows[r])).toBeLessThan(batch * length);
              continue;
            }
            const [row, column] = [Math.floor(Number(rows[r]) / length), Number(rows[r]) % length];
            expect(row).toBe(owner[r]);
            const list = found[row]!;
            const { start } = sequences[indices[row]!]!;
            expect(column).toBe(start - 1 + list.length);
            // What the model reads at the row after is what the row has to predict.
            expect(ids[row * length + column + 1]).toBe(labels[r]);
            list.push([Number(labels[r]), weights[r]!]);
          }
          for (const [row, index] of indices.entries()) {
            const { ids: all, start, weights: given } = sequences[index]!;
            const expected = all.slice(start).map((id, i) => [id, Math.fround(given?.[i] ?? 1)] as const);
            expect(found[row]).toEqual(expected);
            const line = Array.from(ids.subarray(row * length, (row + 1) * length), Number);
            expect(line).toEqual([...all, ...new Array<number>(length - all.length).fill(PAD)]);
          }
        }
      }),
    );
  });

  it('nothing in, nothing out', () => {
    expect(microBatches([], { tokens: 100, unit: 2, padId: 0 })).toEqual([]);
  });
});

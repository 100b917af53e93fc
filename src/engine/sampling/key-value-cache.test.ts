import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TINY } from '../llama/tiny.contract.ts';
import { KeyValueCache } from './key-value-cache.ts';

const config = { ...TINY, numHiddenLayers: 1, numKeyValueHeads: 2, headDim: 4 };
const PLACES = 3;
const WINDOW = 6;
const ROWS = PLACES * config.numKeyValueHeads;

/** A number of its own for everything written in a run, so that none is taken for another. */
let written = 0;
const fresh = (count: number) => Float32Array.from({ length: count }, () => ++written);

const place = fc.nat(PLACES - 1);
const operations = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('fill' as const), place, length: fc.integer({ min: 1, max: 70 }) }),
    fc.record({ do: fc.constant('append' as const), place, times: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ do: fc.constant('move' as const), place, to: place }),
    fc.record({ do: fc.constant('clear' as const), place }),
    fc.record({ do: fc.constant('reserve' as const), positions: fc.integer({ min: 1, max: 40 }) }),
  ),
  { maxLength: 30 },
);

it('holds what was written, wherever it was moved and however often its capacity grew and shrank', () => {
  fc.assert(
    fc.property(operations, (steps) => {
      written = 0;
      const { numKeyValueHeads: heads, headDim } = config;
      const cache = new KeyValueCache(config, PLACES, WINDOW);
      cache.reserve(1);
      /** [places][keys, values][heads] positions of headDim numbers each. */
      const model = Array.from({ length: PLACES }, () => [0, 1].map(() => [0, 1].map((): number[][] => [])));
      const empty = (at: number) => {
        for (const head of model[at]!.flat()) head.length = 0;
      };
      for (const step of steps) {
        if (step.do === 'reserve') cache.reserve(step.positions);
        else if (step.do === 'clear') {
          cache.clear(step.place);
          empty(step.place);
        } else if (step.do === 'fill') {
          const layers = [0, 1].map(() => fresh(heads * step.length * headDim));
          cache.fill(step.place, { length: step.length, layers });
          empty(step.place);
          for (const [i, layer] of layers.entries())
            for (let row = 0; row < heads * step.length; row++) {
              const numbers = [...layer.subarray(row * headDim, (row + 1) * headDim)];
              model[step.place]![i]![Math.floor(row / step.length)]!.push(numbers);
            }
        } else if (step.do === 'append') {
          for (let time = 0; time < step.times; time++) {
            cache.reserve(cache.length(step.place) + 1);
            const added = fresh(2 * ROWS * headDim);
            cache.append(step.place, added, PLACES);
            for (const [i, of] of model[step.place]!.entries())
              for (const [head, positions] of of.entries()) {
                const row = (i * PLACES + step.place) * heads + head;
                positions.push([...added.subarray(row * headDim, (row + 1) * headDim)]);
              }
          }
        } else if (step.place !== step.to) {
          cache.move(step.place, step.to);
          model[step.to] = model[step.place]!.map((of) => of.map((positions) => [...positions]));
          empty(step.place);
        }
      }
      const feeds = cache.feeds('', PLACES);
      const seen = (name: string, at: number) =>
        [...(feeds[name]!.data as Float32Array).subarray(at * cache.capacity, (at + 1) * cache.capacity)].map(
          (value) => value === 0,
        );
      for (const [at, [keys, values]] of model.entries()) {
        const { length } = keys![0]!;
        expect(cache.length(at)).toBe(length);
        const places = [...Array(cache.capacity).keys()];
        expect(seen('mask', at)).toEqual(places.map((i) => i < length));
        // What comes next is the window's last.
        expect(seen('mask.sliding', at)).toEqual(places.map((i) => i < length && i > length - WINDOW));
        for (const [name, of] of Object.entries({ 'key.0': keys!, 'value.0': values! })) {
          const data = feeds[name]!.data as Float32Array;
          for (const [head, positions] of of.entries()) {
            const start = (at * heads + head) * cache.capacity * headDim;
            expect([...data.subarray(start, start + length * headDim)]).toEqual(positions.flat());
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

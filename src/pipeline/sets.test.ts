import fc from 'fast-check';
import { expect, test } from 'vitest';
import { resolveConfig } from '../config.ts';
import type { Instruction, Source } from '../source.ts';
import { instructionsOf, type Part, partsOf, roundSet } from './sets.ts';

const SFT = { kind: 'sft', learningRate: 1e-5, warmupSteps: 0, epochs: 1, batchSize: 8 } as const;

interface Sizes {
  readonly rounds: readonly number[];
  readonly validation: number;
  readonly test: number;
}

const configOf = ({ rounds, validation, test }: Sizes) =>
  resolveConfig({
    models: { judge: 'some/folder' },
    sources: { own: { kind: 'pairs', from: 'somewhere' }, other: { kind: 'pairs', from: 'elsewhere' } },
    rounds: rounds.map((own) => ({ pairs: { own, other: 3 }, train: [{ ...SFT, kind: 'dpo' }] })),
    validation: { pairs: { own: validation } },
    test: { pairs: { own: test } },
  });

/** A source of so many instructions in each of its splits; told how far a split was read. */
function sourceOf(splits: Readonly<Record<string, number>>, pulled: Record<string, number> = {}): Source {
  async function* of(split: string, count: number): AsyncGenerator<Instruction> {
    for (let i = 0; i < count; i++) {
      pulled[split] = i + 1;
      yield { text: `${split} ${i}`, family: 'own' };
    }
  }
  return {
    kind: 'pairs',
    revision: '1',
    instructions: (split) => {
      const count = splits[split];
      return count === undefined ? null : of(split, count);
    },
  };
}

const texts = async (sizes: Sizes, source: Source, set: string, known: readonly Part[] = []) => {
  const found: string[] = [];
  const parts = partsOf(configOf(sizes), source, 'own', known);
  for await (const { text } of instructionsOf(source, set, parts)) found.push(text);
  return found;
};
const numbered = (split: string, from: number, count: number) =>
  Array.from({ length: count }, (_, i) => `${split} ${from + i}`);

test('a source with splits of its own: rounds are parts of train, held-out sets the beginnings of their splits', async () => {
  const sizes = { rounds: [3, 0, 4], validation: 2, test: 5 };
  const source = sourceOf({ train: 100, validation: 10, test: 10 });
  expect(await texts(sizes, source, 'd1')).toEqual(numbered('train', 0, 3));
  expect(await texts(sizes, source, 'd2')).toEqual([]);
  expect(await texts(sizes, source, 'd3')).toEqual(numbered('train', 3, 4));
  expect(await texts(sizes, source, 'validation')).toEqual(numbered('validation', 0, 2));
  expect(await texts(sizes, source, 'test')).toEqual(numbered('test', 0, 5));
});

test('one without: held-out sets are cut from train, after all rounds', async () => {
  const sizes = { rounds: [3, 4], validation: 2, test: 5 };
  const bare = sourceOf({ train: 100 });
  expect(await texts(sizes, bare, 'validation')).toEqual(numbered('train', 7, 2));
  expect(await texts(sizes, bare, 'test')).toEqual(numbered('train', 9, 5));
  const half = sourceOf({ train: 100, validation: 10 });
  expect(await texts(sizes, half, 'validation')).toEqual(numbered('validation', 0, 2));
  expect(await texts(sizes, half, 'test')).toEqual(numbered('train', 7, 5));
});

test('no more is read than a set needs', async () => {
  const pulled: Record<string, number> = {};
  const sizes = { rounds: [3, 4], validation: 0, test: 5 };
  const source = sourceOf({ train: 100, validation: 10 }, pulled);
  await texts(sizes, source, 'd2');
  expect(pulled).toEqual({ train: 7 });
  await texts(sizes, source, 'validation');
  expect(pulled).toEqual({ train: 7 });
});

test('what is known stays: more of a round, and new rounds, come after all of it', async () => {
  const source = sourceOf({ train: 100, test: 10 });
  const before = { rounds: [3, 4], validation: 2, test: 5 };
  const known = partsOf(configOf(before), source, 'own');
  const after = { ...before, rounds: [5, 4, 3] };
  const now = (set: string) => texts(after, source, set, known);
  expect(await now('d1')).toEqual([...numbered('train', 0, 3), ...numbered('train', 9, 2)]);
  expect(await now('d2')).toEqual(numbered('train', 3, 4));
  expect(await now('validation')).toEqual(numbered('train', 7, 2));
  expect(await now('d3')).toEqual(numbered('train', 11, 3));
  expect(await now('test')).toEqual(numbered('test', 0, 5));
  const again = partsOf(configOf(after), source, 'own', known);
  expect(partsOf(configOf(after), source, 'own', again)).toEqual(again);
});

test('whatever the counts, sets are consecutive parts that never overlap', async () => {
  const count = fc.nat({ max: 6 });
  const sizesOf = fc.record({
    rounds: fc.array(count, { minLength: 1, maxLength: 9 }),
    validation: count,
    test: count,
  });
  const splitsOf = fc.record(
    { train: fc.nat({ max: 40 }), validation: count, test: count },
    { requiredKeys: ['train'] },
  );
  await fc.assert(
    fc.asyncProperty(sizesOf, splitsOf, async (sizes, splits) => {
      const source = sourceOf(splits as Record<string, number>);
      const sets = [...sizes.rounds.map((_, i) => roundSet(i + 1)), 'validation', 'test'];
      const wanted = [...sizes.rounds, sizes.validation, sizes.test];
      const made: string[][] = [];
      for (const set of sets) made.push(await texts(sizes, source, set));
      const all = made.flat();
      expect(new Set(all).size).toBe(all.length);
      // Together the parts of each split are its beginning, in the order of the sets.
      for (const [split, length] of Object.entries(splits)) {
        const part = all.filter((text) => text.startsWith(`${split} `));
        expect(part).toEqual(numbered(split, 0, part.length));
        const cut = split === 'train' && part.length < (length as number);
        if (cut)
          for (const [i, one] of made.entries())
            if (!((sets[i] as string) in splits)) expect(one).toHaveLength(wanted[i] as number);
      }
      for (const [i, one] of made.entries()) expect(one.length).toBeLessThanOrEqual(wanted[i] as number);
    }),
  );
});

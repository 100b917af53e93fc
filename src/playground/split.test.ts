import fc from 'fast-check';
import { expect, test } from 'vitest';
import { random } from '../random.ts';
import { FAMILIES, parse } from './families.ts';
import { instructions } from './instructions.ts';
import { oraclePair } from './pair.ts';
import { type Split, sampleModified, splitOf } from './split.ts';

const SPLITS: readonly Split[] = ['seed', 'train', 'validation', 'dev', 'test'];

test('samples and their modifications stay in their split', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(...SPLITS), fc.constantFrom(...FAMILIES), (seed, split, of) => {
      const where = { split, domain: of.domain, family: of.name };
      for (const problem of sampleModified(random(seed), where)) {
        expect(problem.family).toBe(of.name);
        expect(splitOf(problem.instruction)).toBe(split);
      }
    }),
  );
});

test('instructions are distinct, balanced over families, and shared by no two splits', () => {
  const all = new Set<string>();
  for (const split of SPLITS) {
    for (const domain of ['general', 'math'] as const) {
      const found = [...instructions(split, domain, 5).take(90)];
      expect(found).toHaveLength(90);
      expect(found).toEqual([...instructions(split, domain, 5).take(90)]);
      const families = Map.groupBy(found, (instruction) => parse(instruction)?.family);
      for (const members of families.values()) expect(members).toHaveLength(domain === 'math' ? 30 : 15);
      for (const instruction of found) all.add(instruction);
    }
  }
  expect(all.size).toBe(90 * 2 * SPLITS.length);
});

test('the chosen response of a pair is right, the rejected one wrong', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(...SPLITS), (seed, split) => {
      const { problem, chosen, rejected } = oraclePair(random(seed), split);
      expect(problem.isCorrect(chosen)).toBe(true);
      expect(problem.isCorrect(rejected)).toBe(false);
    }),
  );
});

import { describe, expect, test } from 'vitest';
import type { Instruction, Source } from './source.ts';

export interface SourceUnderTest {
  /** Opens it anew. */
  make(): Source;
  /** The splits that it has of its own; `train` among them. */
  readonly splits: readonly string[];
  /** Sources that give something else. */
  readonly others: readonly Source[];
}

/** Of each split so many are looked at. */
const MANY = 150;

/** What every source owes who takes instructions from it (see Source). */
export function sourceContract(name: string, { make, splits, others }: SourceUnderTest): void {
  describe(`${name} keeps the contract of a source`, () => {
    const first = async (source: Source, split: string, count = MANY) => {
      const found: Instruction[] = [];
      for await (const instruction of source.instructions(split) ?? expect.unreachable(split)) {
        found.push(instruction);
        if (found.length >= count) break;
      }
      return found;
    };

    test.each(splits)('gives those of %s in the same order twice, and opened anew', async (split) => {
      const source = make();
      const found = await first(source, split);
      expect(found.length).toBeGreaterThan(0);
      expect(await first(source, split)).toEqual(found);
      const again = make();
      expect(again.revision).toBe(source.revision);
      expect(await first(again, split)).toEqual(found);
      // A part of them is their beginning.
      expect(await first(source, split, 3)).toEqual(found.slice(0, 3));
    });

    test('gives two at once to two that ask at once', async () => {
      const source = make();
      const [one, two] = await Promise.all([first(source, 'train'), first(source, 'train')]);
      expect(two).toEqual(one);
    });

    test('another revision stands for something else', async () => {
      const source = make();
      const found = await first(source, 'train');
      for (const other of others) {
        expect(other.revision).not.toBe(source.revision);
        const there = other.kind === source.kind ? await first(other, 'train') : null;
        expect(there).not.toEqual(found);
      }
      expect(source.revision.trim()).not.toBe('');
    });

    test('has null for a split that it has not, and a train split', () => {
      expect(make().instructions('no such split')).toBeNull();
      expect(make().instructions('train')).not.toBeNull();
    });

    test.each(splits)('gives texts that are not blank, and what its kind promises: %s', async (split) => {
      const source = make();
      for (const { text, family, answer, response, rejected, solutions } of await first(source, split)) {
        expect(text.trim()).not.toBe('');
        expect(typeof family).toBe('string');
        if (source.kind === 'pairs') {
          expect(response?.trim()).toBeTruthy();
          expect(rejected?.trim()).toBeTruthy();
        }
        // A pair that was made before needs no answer to make one by.
        if (source.kind === 'math')
          expect(answer ?? solutions ?? (rejected === undefined ? undefined : response)).toBeDefined();
        if (rejected !== undefined) expect(rejected).not.toBe(response);
      }
    });

    test('splits do not overlap', async () => {
      const of = new Map<string, string>();
      for (const split of splits)
        for (const { text } of await first(make(), split)) {
          expect(of.get(text) ?? split, text).toBe(split);
          of.set(text, split);
        }
    });

    test.each(splits)('an abort ends those of %s with its reason', async (split) => {
      const reason = new Error('that is enough');
      const controller = new AbortController();
      const found: Instruction[] = [];
      const take = async (signal: AbortSignal) => {
        for await (const instruction of make().instructions(split, signal) ?? []) {
          found.push(instruction);
          if (found.length === 2) controller.abort(reason);
        }
      };
      await expect(take(controller.signal)).rejects.toBe(reason);
      expect(found).toHaveLength(2);
      await expect(take(AbortSignal.abort(reason))).rejects.toBe(reason);
      expect(found).toHaveLength(2);
    });
  });
}

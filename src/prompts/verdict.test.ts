import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VerdictKind } from '../types.ts';
import { formatDirect, formatExecution, formatThought } from './judge.ts';
import { parseVerdict } from './verdict.ts';

describe('parseVerdict', () => {
  it.each<[string, VerdictKind]>([
    [' [[A]]', 'A'],
    [' [[B]]', 'B'],
    [' [[C]]', 'tie'],
    ['<exec> fine </exec> [[B]]', 'B'],
    // Only what stands after the execution's end is a verdict.
    ['<exec> "[[A]]", it said </exec> [[B]]', 'B'],
    ['<exec> [[A]] </exec>', 'invalid'],
    ['<plan> [[A]] </plan> <exec> [[A]] </exec> then [[C]]', 'tie'],
    ['<exec> a </exec> [[A]] <exec> b </exec> [[B]]', 'B'],
    ['[[A]] <exec> b </exec>', 'invalid'],
    ['<exec> a </exec> [[A]] <exec> b </exec>', 'invalid'],
    // The last one counts.
    ['Not [[A]] but [[B]]', 'B'],
    ['[[B]][[A]]', 'A'],
    // No verdict.
    ['', 'invalid'],
    ['[A]', 'invalid'],
    ['[[a]]', 'invalid'],
    ['[[D]]', 'invalid'],
    ['[[AB]]', 'invalid'],
    ['[[A]', 'invalid'],
    ['[ [A] ]', 'invalid'],
    ['[\u200b[A]]', 'invalid'],
    ['A', 'invalid'],
    ['</exec>', 'invalid'],
    ['[[[A]]]', 'A'],
  ])('%j is %s', (text, verdict) => {
    expect(parseVerdict(text)).toBe(verdict);
    expect(parseVerdict(text, 'stop')).toBe(verdict);
    expect(parseVerdict(text, 'length')).toBe('truncated');
  });

  it('reads back every verdict that is formatted, whatever the thought says', () => {
    const word = fc.constantFrom(
      '[[A]]',
      '[[B]]',
      '[[C]]',
      '</exec>',
      '<exec>',
      '</plan>',
      '[[',
      ']]',
      'A',
      'dog',
    );
    const text = fc.array(word).map((words) => words.join(' '));
    fc.assert(
      fc.property(text, text, fc.constantFrom('A' as const, 'B' as const), (plan, execution, verdict) => {
        expect(parseVerdict(formatThought(plan, execution, verdict))).toBe(verdict);
        expect(parseVerdict(formatExecution(execution, verdict))).toBe(verdict);
        expect(parseVerdict(formatDirect(verdict))).toBe(verdict);
      }),
    );
  });

  it('is linear in the text’s length', () => {
    const started = performance.now();
    for (const text of ['['.repeat(1e6), '[[A]'.repeat(3e5), '</exec>'.repeat(2e5), '[[A]]'.repeat(2e5)]) {
      parseVerdict(text);
    }
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

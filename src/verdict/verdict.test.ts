import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { formatDirect, formatExecution, formatThought } from '../prompts/judge.ts';
import type { VerdictKind } from '../types.ts';
import { readVerdictFixtures } from './fixtures.contract.ts';
import { tokenize } from './tokens.ts';
import { parseVerdict, readMarker } from './verdict.ts';

const all = readVerdictFixtures();
/** The held-out ones are for measuring: nothing is changed for them. */
const fixtures = all.filter(({ source }) => source !== 'judges-heldout');

describe('transcripts that a person has labelled', () => {
  test('are enough, and 50 of them a real judge’s', () => {
    expect(fixtures.length).toBeGreaterThanOrEqual(200);
    expect(fixtures.filter(({ source }) => source === 'judgebench-o1-mini')).toHaveLength(50);
  });

  test('in contract: every one is read as the person reads it', () => {
    const wrong = fixtures
      .filter((fixture) => fixture.contract === 'in')
      .filter((fixture) => parseVerdict(fixture.text, fixture).kind !== fixture.verdict);
    // Cut behind its verdict: a person reads it, we never guess what the rest would have said.
    expect(wrong.map(({ id }) => id)).toEqual(['dev-009']);
  });

  test('out of contract: what is misread is read as none, never as the wrong slot', () => {
    const out = fixtures.filter((fixture) => fixture.contract === 'out');
    const wrong = out.filter((fixture) => parseVerdict(fixture.text, fixture).kind !== fixture.verdict);
    expect(wrong.map((fixture) => parseVerdict(fixture.text, fixture).kind)).toEqual(
      wrong.map(() => 'invalid'),
    );
    expect(wrong.length / out.length).toBeLessThan(0.05);
  });

  test('a real judge’s without its marker: what its words say, or nothing, never the wrong slot', () => {
    const real = fixtures.filter(({ source }) => source === 'judgebench-o1-mini');
    const read = real.map(({ text, verdict }) => {
      const { kind } = parseVerdict(text.replace(/\[\[.*?\]\]/g, ''));
      expect([verdict, 'invalid']).toContain(kind);
      return kind;
    });
    expect(read.filter((kind) => kind !== 'invalid').length).toBeGreaterThan(25);
  });

  test('cut, every one is truncated', () => {
    for (const { text } of fixtures) {
      expect(parseVerdict(text, { finishReason: 'length' }).kind).toBe('truncated');
    }
  });

  test('where the verdict stands is told', () => {
    for (const { text, verdict } of fixtures.filter(({ source }) => source === 'judgebench-o1-mini')) {
      const { at } = parseVerdict(text);
      const marker = text.slice(...(at as [number, number]));
      expect(marker).toMatch({ A: /^\[\[A>>?B\]\]$/, B: /^\[\[B>>?A\]\]$/, tie: /^\[\[A=B\]\]$/ }[verdict]!);
    }
  });
});

describe('parseVerdict', () => {
  it.each<[string, VerdictKind]>([
    // Only what stands after the execution's end is a verdict.
    ['<exec> [[A]] </exec>', 'invalid'],
    ['<plan> [[A]] </plan> <exec> [[A]] </exec> then [[C]]', 'tie'],
    ['<exec> a </exec> [[A]] <exec> b </exec> [[B]]', 'B'],
    ['[[A]] <exec> b </exec>', 'invalid'],
    ['<exec> a </exec> [[A]] <exec> b </exec>', 'invalid'],
    // The last one counts.
    ['Not [[A]] but [[B]]', 'B'],
    ['[[B]] [[A]]', 'invalid'],
    ['[[B]]\n[[A]]', 'A'],
    // No verdict.
    ['[[D]]', 'invalid'],
    ['[[AB]]', 'invalid'],
    ['[[A]', 'invalid'],
    ['[\u200b[A]]', 'invalid'],
    ['</exec>', 'invalid'],
    ['[[[A]]]', 'A'],
  ])('%j is %s', (text, verdict) => {
    expect(parseVerdict(text).kind).toBe(verdict);
  });

  it('reads back every verdict that is formatted, whatever the thought says', () => {
    const word = fc.constantFrom(
      ...[
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
        '“',
        '"',
        '```',
        '> ',
      ],
      ...['if', 'not', 'says', '\n', '.'],
    );
    const text = fc.array(word).map((words) => words.join(' '));
    fc.assert(
      fc.property(text, text, fc.constantFrom('A' as const, 'B' as const), (plan, execution, verdict) => {
        for (const output of [
          formatThought(plan, execution, verdict),
          formatExecution(execution, verdict),
          formatDirect(verdict),
        ]) {
          expect(parseVerdict(output)).toMatchObject({ kind: verdict, exact: true });
        }
      }),
    );
  });

  it('names the other slot when the slots are swapped', () => {
    const piece = fc.constantFrom(
      ...['[[A]]', '[[B]]', '[[A>B]]', '\\boxed{A}', 'Verdict: B', 'Assistant A is better.', 'A', '\n', ' '],
      ...[
        'A > B',
        'Response B wins',
        'I prefer A',
        'Overall, ',
        '助手A更好',
        '"winner": "B"',
        '<winner>A</winner>',
        ' than B',
      ],
      ...['Although B is worse, ', ' but ', "it's a tie. ", 'Winner:', '⟦B⟧'],
      ...['“', '”', 'not ', 'if ', '> ', '```', '<think>', '</think>', 'says ', '.', '[[C]]', 'or'],
    );
    const swap = (text: string) => text.replace(/\b[AB]\b/g, (letter) => (letter === 'A' ? 'B' : 'A'));
    const swapped = { A: 'B', B: 'A' } as Record<string, string>;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const { kind } = parseVerdict(text);
        expect(parseVerdict(swap(text)).kind).toBe(swapped[kind] ?? kind);
      }),
      { numRuns: 4000 },
    );
  });

  it('never throws, and points at what it read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const { kind, at } = parseVerdict(text);
        expect(at === undefined).toBe(!['A', 'B', 'tie'].includes(kind));
        if (at) expect(at[0]).toBeLessThan(at[1]);
      }),
    );
  });

  it('takes work in proportion to the text’s length: counted, whatever the text repeats', () => {
    const pieces = fc.constantFrom(
      ...[
        '[',
        '[[',
        '[[A',
        '[[A]]',
        ']]',
        '[[A]] or ',
        '“',
        '”',
        '"',
        '"[[A]]',
        '```',
        '```\n',
        '\n',
        '> ',
        ' ',
      ],
      ...[
        '<think>',
        '</think>',
        '</exec>',
        'verdict: ',
        'verdict is ',
        '\\boxed{',
        'if ',
        'A',
        ' ',
        '\\',
        '*',
        '`',
      ],
      ...[
        'is ',
        'the ',
        "'",
        'better ',
        'A is better ',
        'than ',
        'B, ',
        'A > ',
        'overall ',
        '助手',
        '比',
        '更好',
        'tie ',
        'Assistant ',
        '[The Start of Assistant ',
        '{',
        '<',
        '【',
        ',',
        'a'.repeat(9),
      ],
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(50, 500, 5000),
        (unit, times) => {
          const text = unit.join('').repeat(times);
          let work = 0;
          const characters = {
            length: text.length,
            charCodeAt: (index: number) => {
              work++;
              return text.charCodeAt(index);
            },
          };
          const tokens = tokenize(characters);
          // Whatever is made of the tokens, a look at one reads its text.
          const counted = tokens.map(
            (token) =>
              new Proxy(token, {
                get: (target, name, receiver) => {
                  if (name === 'text') work++;
                  return Reflect.get(target, name, receiver);
                },
              }),
          );
          readMarker(counted);
          expect(work).toBeLessThan(2000 * text.length + 1000);
        },
      ),
      { numRuns: 60 },
    );
  });
});

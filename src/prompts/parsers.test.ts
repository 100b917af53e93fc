import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExecution } from './execute.ts';
import { formatExecution, formatThought, parseThought } from './judge.ts';
import { parseModify } from './modify.ts';
import { parsePlan } from './plan.ts';
import { parseResponse } from './response.ts';
import { PLAYGROUND_PROMPTS } from './set.ts';
import { PLAYGROUND_TAGS } from './tags.ts';

/** Trimmed text without tags. */
const clean = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .map((text) => text.trim())
  .filter((text) => !PLAYGROUND_TAGS.some((tag) => text.includes(tag)));
const verdicts = fc.constantFrom('A' as const, 'B' as const);
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...PLAYGROUND_TAGS), fc.string({ maxLength: 4 })), { maxLength: 14 })
  .map((parts) => parts.join(''));

describe('thoughts', () => {
  it('survive formatting and parsing', () => {
    fc.assert(
      fc.property(clean, clean, verdicts, (plan, execution, verdict) => {
        expect(parseThought(formatThought(plan, execution, verdict))).toEqual({ plan, execution });
        expect(parseExecution(formatExecution(execution, verdict))).toBe(execution);
      }),
    );
  });

  it('formatted: one space between the parts, one before the first', () => {
    expect(formatThought('p', 'e', 'A')).toBe(' <plan> p </plan> <exec> e </exec> [[A]]');
    expect(formatExecution('e', 'B')).toBe(' <exec> e </exec> [[B]]');
  });

  it('are the judge prompt’s opening, the plan, its closing and an execution: what round 2 samples is what is trained', () => {
    const { openPlan, closePlan } = PLAYGROUND_PROMPTS;
    fc.assert(
      fc.property(clean, clean, verdicts, (plan, execution, verdict) => {
        const parts = `${openPlan} ${plan}${closePlan}${formatExecution(execution, verdict)}`;
        expect(formatThought(plan, execution, verdict)).toBe(parts);
      }),
    );
  });

  it.each([
    '',
    '<plan> p </plan>',
    '<exec> e </exec>',
    '<plan> p <exec> e </exec>',
    '</plan> <plan> <exec> e </exec>',
  ])('a missing section is null: %j', (text) => expect(parseThought(text)).toBeNull());
});

describe('plans', () => {
  it.each<[string, string | null]>([
    [' Count them. </plan>', 'Count them.'],
    [' Count them. </plan> <exec> </plan>', 'Count them.'],
    [' Count them.', null],
    [' </plan>', null],
    ['', null],
  ])('%j', (text, expected) => expect(parsePlan(text)).toBe(expected));
});

describe('modifications', () => {
  it.each<[string, { instruction: string; response: string } | null]>([
    [' List 4 animals. <answer> dog, cat ', { instruction: 'List 4 animals.', response: 'dog, cat' }],
    [' List 4 animals.', null],
    [' <answer> dog', null],
    [' List 4 animals. <answer> ', null],
    [' List 4 animals. <answer> dog <answer> cat', null],
    ['', null],
  ])('%j', (text, expected) => expect(parseModify(text)).toEqual(expected));

  it('survive', () => {
    fc.assert(
      fc.property(clean, clean, (instruction, response) => {
        const whole = instruction !== '' && response !== '';
        const expected = whole ? { instruction, response } : null;
        expect(parseModify(` ${instruction} <answer> ${response}`)).toEqual(expected);
      }),
    );
  });
});

describe('hostile text', () => {
  it('never throws; what comes back is part of the text, trimmed, and holds none of its section’s closing tags', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const thought = parseThought(text);
        const modification = parseModify(text);
        const closed: (readonly [string | null | undefined, string])[] = [
          [parsePlan(text), '</plan>'],
          [thought?.plan, '</plan>'],
          [thought?.execution, '</exec>'],
          [parseExecution(text), '</exec>'],
          [modification?.instruction, '<answer>'],
          [modification?.response, '<answer>'],
        ];
        for (const [part, tag] of closed) {
          if (part === null || part === undefined) continue;
          expect(text).toContain(part);
          expect(part).toBe(part.trim());
          expect(part).not.toContain(tag);
        }
        const response = parseResponse(text);
        expect(response).toBe(text.trim() === '' ? null : text.trim());
      }),
    );
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseVerdict } from '../verdict/verdict.ts';
import { instructionText } from './conversation.ts';
import { parseScore } from './published/score.ts';
import { PUBLISHED_TAGS } from './published/tags.ts';
import { PUBLISHED_PROMPTS } from './set.ts';
import { render } from './template.ts';

const P = PUBLISHED_PROMPTS;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

test('plan and judge prompt are the published ones, character for character', () => {
  // Of the texts as they were handed to this project, with {a} and {b} for {response A} and {response B}.
  expect(sha256(P.plan.text)).toBe('2829fa8c26c6159246de5040a0afbee8e0daa33a9d21cc0d2ee7065b30160901');
  expect(sha256(P.judge.text)).toBe('84ea48c1a4fde79ee345dfa2a355274c57d2d67a7a0a7d20bc1490167e89898d');
});

describe('thoughts', () => {
  const clean = fc
    .string({ unit: 'grapheme', maxLength: 40 })
    .map((text) => text.trim())
    .filter((text) => text !== '' && !text.includes('['));
  it('survive formatting and parsing', () => {
    fc.assert(
      fc.property(clean, clean, fc.constantFrom('A' as const, 'B' as const), (plan, execution, verdict) => {
        const text = P.formatThought(plan, execution, verdict);
        expect(P.parseThought(text)).toEqual({ plan, execution });
        expect(P.parseExecution(P.formatExecution(execution, verdict))).toBe(execution);
        for (const output of [text, P.formatExecution(execution, verdict), P.formatDirect(verdict)]) {
          expect(parseVerdict(output)).toMatchObject({ kind: verdict, exact: true });
        }
        expect(text.startsWith(`${P.openPlan}${plan}${P.closePlan}`)).toBe(true);
      }),
    );
  });

  it.each<[string, string | null]>([
    ['[Start of Evaluation Plan]\nCount.\n[End of Evaluation Plan]', 'Count.'],
    ['Sure!\n[Start of Evaluation Plan]\nCount.\n[End of Evaluation Plan]\nDone.', 'Count.'],
    ['Count.[End of Evaluation Plan]', 'Count.'],
    ['[Start of Evaluation Plan]\nCount.', null],
    ['[Start of Evaluation Plan]\n[End of Evaluation Plan]', null],
  ])('plan of %j', (text, plan) => expect(P.parsePlan(text)).toBe(plan));

  it('an execution without tags is what stands before the verdict', () => {
    expect(P.parseExecution('Step 1: A is right.\n\n[[A]]')).toBe('Step 1: A is right.');
    expect(P.parseExecution('[[A]]')).toBeNull();
    expect(P.parseExecution('nothing')).toBeNull();
  });

  it('modified instructions', () => {
    const text = (instruction: string, response: string) =>
      `[Start of Modified Instruction]\n${instruction}\n[End of Modified Instruction]\n[Start of Response]\n${response}\n[End of Response]`;
    expect(P.parseModify(text('Name 3 fish.', 'cod, eel, ray'))).toEqual({
      instruction: 'Name 3 fish.',
      response: 'cod, eel, ray',
    });
    expect(P.parseModify(text('', 'cod'))).toBeNull();
    expect(P.parseModify('Name 3 fish.')).toBeNull();
  });
});

test.each<[string, number | null]>([
  ['Rating: [[7]]', 7],
  ['[[7]] no, [[4]]', 4],
  ['**[[10]]**', 10],
  ['[[0]] [[11]] [[x]]', null],
  ['[[6.5]]', 6.5],
  ['<think>[[3]]', null],
  ['7', null],
])('the score of %j is %j', (text, score) => expect(parseScore(text)).toBe(score));

test('a template holds its own tags and no other, whatever is shown', () => {
  const tag = fc.constantFrom(...PUBLISHED_TAGS);
  const hostile = fc
    .array(
      fc.oneof(
        tag,
        fc.string({ maxLength: 5 }),
        tag.map((text) => text.toUpperCase()),
      ),
      { maxLength: 6 },
    )
    .map((parts) => parts.join(''));
  const { judge, plan, execute, score, direct, modify } = P;
  fc.assert(
    fc.property(hostile, hostile, (a, b) => {
      for (const template of [judge, plan, execute, score!, direct, modify, P.ties!.judge]) {
        const text = render<string>(template, { instruction: a, a, b, plan: b });
        for (const one of PUBLISHED_TAGS) {
          expect(text.split(one).length).toBe(template.text.split(one).length);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test('an instruction is its text, or its turns under their roles', () => {
  expect(instructionText('x')).toBe('x');
  expect(instructionText([{ role: 'user', content: 'x' }])).toBe('x');
  const two = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'x' },
  ] as const;
  expect(instructionText(two)).toBe('[System]\nBe brief.\n\n[User]\nx');
  expect(() => instructionText([])).toThrow('has no turn');
});

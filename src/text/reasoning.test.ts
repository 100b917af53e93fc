import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitReasoning } from './reasoning.ts';

const MARKS = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<reasoning>', '</reasoning>'],
  ['<seed:think>', '</seed:think>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
  ['<|channel|>analysis<|message|>', '<|end|><|start|>assistant<|channel|>final<|message|>'],
  ['Here is my thought process:', 'Here is my response:'],
] as const;
const marks = fc.constantFrom(...MARKS);
/** Words of a judge: verdicts and brackets, and no mark. */
const words = fc
  .array(
    fc.constantFrom(
      '[[A]]',
      '[[B]]',
      'so',
      '<',
      '>',
      '/',
      '\n',
      ' ',
      'think',
      '[End of Evaluation Plan]',
      '|',
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(' '));
const count = (text: string, part: string) => text.split(part).length - 1;
const answers = words.map((text) => text.trim());

describe('a text', () => {
  test('without marks is an answer as it stands', () => {
    fc.assert(
      fc.property(words, (text) => {
        expect(splitReasoning(text)).toEqual({ reasoning: '', answer: text, open: false });
      }),
    );
  });

  test('is split where its thought ends', () => {
    fc.assert(
      fc.property(
        marks,
        words,
        answers,
        fc.constantFrom('', '\n', '\n\n'),
        ([open, close], thought, said, gap) => {
          const { reasoning, answer, open: cut } = splitReasoning(`${open}${thought}${close}${gap}${said}`);
          expect({ reasoning, answer: answer.trim(), cut }).toEqual({
            reasoning: thought.trim(),
            answer: said,
            cut: false,
          });
        },
      ),
    );
  });

  test('whose prompt held the beginning of the thought has its end only', () => {
    const alone = fc.constantFrom(...MARKS.slice(0, 6));
    fc.assert(
      fc.property(alone, words, answers, ([, close], thought, said) => {
        const split = { reasoning: thought.trim(), answer: said, open: false };
        expect(splitReasoning(`${thought} ${close}\n\n${said}`)).toEqual(split);
      }),
    );
  });

  test('that was cut in a thought is open, and has no answer', () => {
    fc.assert(
      fc.property(marks, words, ([open], thought) => {
        expect(splitReasoning(`${open}${thought}`)).toEqual({
          reasoning: thought.trim(),
          answer: '',
          open: true,
        });
      }),
    );
  });

  test('of any marks loses no verdict', () => {
    const pieces = fc.array(fc.oneof(words, fc.constantFrom(...MARKS.slice(0, 6).flat())), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, (parts) => {
        const text = parts.join('\n');
        const { answer, reasoning } = splitReasoning(text);
        for (const verdict of ['[[A]]', '[[B]]'])
          expect(count(answer, verdict) + count(reasoning, verdict)).toBe(count(text, verdict));
      }),
    );
  });
});

test.each([
  // As models write them: Qwen3 without thinking, two thoughts, a thought after words, signs that are spoken of.
  ['<think>\n\n</think>\n\n[[A]]', '', '[[A]]'],
  ['<think>a</think>\n<think>b</think>\n[[A]]', 'ab', '[[A]]'],
  ['Plan.\n<think>[[B]]</think>\nDone. [[A]]', '[[B]]', 'Plan.\n\nDone. [[A]]'],
  [
    'It lacks the "</think>" that was asked for. [[B]]',
    '',
    'It lacks the "</think>" that was asked for. [[B]]',
  ],
  ['Response A uses <think> tags. [[B]]', '', 'Response A uses <think> tags. [[B]]'],
  ['<think>they wrote "</think> [[A]]"? No.</think>[[B]]', 'they wrote " [[A]]"? No.', '[[B]]'],
  ['analysisWe compare both.assistantfinal[[A]]', 'We compare both.', '[[A]]'],
  [
    '<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>commentary<|message|>y<|end|><|start|>assistant<|channel|>final<|message|>[[B]]<|return|>',
    'xy',
    '[[B]]',
  ],
  ['Here is my response: [[A]]', '', 'Here is my response: [[A]]'],
])('%j', (text, reasoning, answer) => {
  expect(splitReasoning(text)).toEqual({ reasoning, answer, open: false });
});

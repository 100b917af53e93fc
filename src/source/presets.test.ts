import { describe, expect, it } from 'vitest';
import { EvalPlannerError } from '../errors.ts';
import { mapped, PRESETS, presetOf, readInstruction } from './presets.ts';

const row = (value: unknown) => ({ value, file: 'x', at: 'x.jsonl, line 1' });
const turn = (role: string, content: unknown) => ({ role, content });

// Rows as the data sets publish them, cut to the fields that matter.
const WILDCHAT = {
  conversation_hash: 'c7',
  conversation: [
    turn('user', 'Hi'),
    turn('assistant', 'Hello'),
    turn('user', 'Name 3 birds.'),
    turn('assistant', 'owl wren crow'),
  ],
  turn: 2,
  language: 'English',
  toxic: false,
};

describe('presets, told by the fields of a row', () => {
  it.each([
    [
      'wildchat',
      WILDCHAT,
      {
        text: '[User]\nHi\n\n[Assistant]\nHello\n\n[User]\nName 3 birds.',
        turns: 2,
        response: 'owl wren crow',
        language: 'English',
        toxic: false,
        conversation: WILDCHAT.conversation.slice(0, 3),
      },
    ],
    ['wildchat', { conversation: [turn('user', 'Hi')], toxic: true }, { text: 'Hi', turns: 1, toxic: true }],
    ['wildchat', { conversation: [turn('user', 'Hi'), turn('assistant', '  ')] }, { text: 'Hi', turns: 1 }],
    [
      'sharegpt',
      {
        conversations: [
          { from: 'system', value: 'Be short.' },
          { from: 'human', value: 'Hi' },
          { from: 'gpt', value: 'Yo' },
        ],
      },
      { text: '[System]\nBe short.\n\n[User]\nHi', turns: 1, response: 'Yo' },
    ],
    [
      'messages',
      {
        messages: [
          turn('user', [
            { type: 'text', text: 'Hi ' },
            { type: 'text', text: 'you' },
          ]),
          turn('assistant', 'Yo'),
        ],
      },
      { text: 'Hi you', turns: 1, response: 'Yo' },
    ],
    [
      'ultrafeedback',
      { prompt: 'p', chosen: 'c', rejected: 'r' },
      { text: 'p', response: 'c', rejected: 'r' },
    ],
    [
      'ultrafeedback',
      {
        prompt: 'p',
        chosen: [turn('user', 'p'), turn('assistant', 'c')],
        rejected: [turn('user', 'p'), turn('assistant', 'r')],
      },
      { text: 'p', turns: 1, response: 'c', rejected: 'r' },
    ],
    [
      'ultrafeedback',
      {
        instruction: 'p',
        completions: [
          { response: 'bad', overall_score: 2 },
          { response: 'good', overall_score: 8.5 },
          { response: 'so-so', overall_score: 5 },
        ],
      },
      { text: 'p', response: 'good', rejected: 'bad' },
    ],
    [
      'math',
      { problem: 'What is 1+1?', solution: 'It is $\\boxed{2}$.', level: 'Level 1', type: 'Prealgebra' },
      { text: 'What is 1+1?', answer: '2', family: 'Prealgebra', response: 'It is $\\boxed{2}$.' },
    ],
    [
      'gsm8k',
      { question: 'How many?', answer: '3*4=<<3*4=12>>12\n#### 12' },
      { text: 'How many?', answer: '12', response: '3*4=12\n#### 12' },
    ],
    [
      'gsm8k-solutions',
      {
        question: 'q',
        ground_truth: 'A: 18',
        '6b': { is_correct: false, solution: '<<1=1>>A: 26' },
        '175b': { is_correct: true, solution: 'A: 18' },
      },
      { text: 'q', answer: '18', solutions: ['A: 26', 'A: 18'] },
    ],
    ['plain', { prompt: 'p', completion: 'c', category: 'x' }, { text: 'p', response: 'c', family: 'x' }],
  ])('%s', (name, value, expected) => {
    expect(readInstruction(row(value))).toMatchObject(expected);
    expect(readInstruction(row(value), presetOf(name))).toEqual(readInstruction(row(value)));
  });

  it('no preset reads a row of another kind as something else', () => {
    for (const preset of PRESETS)
      expect(() => readInstruction(row({ nothing: 1 }), preset)).toThrow(EvalPlannerError);
  });
});

describe('fields by name', () => {
  it('dots lead into objects and lists; conversations are taken as such', () => {
    const preset = mapped({ instruction: 'q.text', response: 'a.0', answer: 'gold', language: 'lang' });
    expect(readInstruction(row({ q: { text: 'x' }, a: ['y'], gold: 3, lang: 'de' }), preset)).toMatchObject({
      text: 'x',
      response: 'y',
      answer: '3',
      language: 'de',
    });
    expect(readInstruction(row({ chat: WILDCHAT.conversation }), mapped({ instruction: 'chat' })).turns).toBe(
      2,
    );
  });

  it('two responses are a finished pair: one may be empty, none may be missing', () => {
    const preset = mapped({ instruction: 'q', response: 'good', rejected: 'bad' });
    expect(readInstruction(row({ q: 'x', good: 'y', bad: '' }), preset)).toMatchObject({
      text: 'x',
      response: 'y',
      rejected: '',
    });
    const turns = [turn('assistant', 'y')];
    expect(readInstruction(row({ q: [turn('user', 'x')], good: turns, bad: 'z' }), preset).response).toBe(
      'y',
    );
    expect(() => readInstruction(row({ q: 'x', good: 'y', bad: null }), preset)).toThrow('line 1 has no bad');
  });
});

describe('rows that are none', () => {
  it.each([
    ['text', 'is not an object'],
    [null, 'is not an object'],
    [[], 'is not an object'],
    [{}, 'is of no kind that is known'],
    [{ conversation: [] }, 'has no user turn'],
    [{ conversation: [turn('assistant', 'x')] }, 'has no user turn'],
    [{ conversation: [{ role: 'tool', content: 'x' }] }, 'turn 1 in conversation'],
    [{ conversation: [turn('user', 5)] }, 'turn 1 in conversation'],
    [{ conversation: [turn('user', ' ')] }, 'has no user turn'],
    [{ problem: 'p', solution: 'no answer here' }, 'has no final answer in solution'],
    [{ prompt: ' ' }, 'has no text in prompt'],
    [{ prompt: ['x'] }, 'turn 1 in prompt that is not {role, content}: "x"'],
    [{ conversation: [turn('user', 'x')], toxic: 'maybe' }, 'neither true nor false'],
    [{ instruction: 'i', completions: [{ response: 'x' }] }, 'without an overall_score'],
  ])('%j: %s', (value, message) => {
    try {
      readInstruction(row(value));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(EvalPlannerError);
      expect((error as EvalPlannerError).message).toContain(message);
      expect((error as EvalPlannerError).message).toContain('x.jsonl, line 1');
      expect((error as EvalPlannerError).code).toBe('data');
    }
  });
});

import { describe, expect, it } from 'vitest';
import { auditRow } from '../audit/row.ts';
import { custom } from '../benchmarks/custom.ts';
import { customK } from '../benchmarks/custom-k.ts';
import { pairRow } from '../cli/judge/rows.ts';
import { EvalPlannerError } from '../errors.ts';
import { trainingRow } from '../exports/training-row.ts';
import { instructionText } from '../prompts/conversation.ts';
import { newAccount } from '../source/account.ts';
import { presetOf, readInstruction } from '../source/presets.ts';
import { selectInstructions } from '../source/select.ts';
import { compared } from './compared.ts';
import { costsRow, RowFields } from './fields.ts';
import type { Gold } from './gold.ts';

const source = (value: unknown) => ({ value, file: 'x', at: 'x.jsonl, line 7' });
const fields = (value: unknown) => new RowFields(source(value), 'correct the row');
const turn = (role: string, content: string) => ({ role, content });
const [user, assistant] = [(text: string) => turn('user', text), (text: string) => turn('assistant', text)];

/** What each command makes of a row with a chosen and a rejected response. */
const COMMANDS: Record<string, (row: object) => readonly [asked: string, chosen: string, rejected: string]> =
  {
    pairs: (row) => {
      const { text, response, rejected } = readInstruction(source(row));
      return [text, response as string, rejected as string];
    },
    judge: (row) => {
      const { pair, gold } = pairRow(source(row));
      expect(gold).toBe('A');
      return [instructionText(pair.instruction), pair.responses[0], pair.responses[1]];
    },
    audit: (row) => {
      const { prompt, chosen, rejected } = auditRow(source(row));
      return [prompt, chosen, rejected as string];
    },
    bench: (row) => {
      const [pair] = custom.load([source(row)]);
      return [pair?.instruction as string, pair?.first as string, pair?.second as string];
    },
    'bench custom-k': (row) => {
      const [choice] = customK.load([source(row)]);
      const [chosen = '', rejected = ''] = choice?.responses ?? [];
      return [choice?.instruction as string, chosen, rejected];
    },
    export: (row) => {
      // It takes rows with a prompt: of response pairs no trainer is trained.
      const { instruction, ...others } = row as { instruction?: string };
      const training = trainingRow(
        source(instruction === undefined ? row : { ...others, prompt: instruction }),
      );
      if (training.kind !== 'dpo') throw new Error('not of preferences');
      return [training.prompt, training.chosen, training.rejected];
    },
  };
const ANSWERS = { chosen: 'good', rejected: 'bad' };

describe.each(Object.entries(COMMANDS))('%s', (name, read) => {
  it.each<[string, object, string]>([
    ['Alpaca’s input', { instruction: 'Translate.', input: 'El perro.' }, 'Translate.\n\nEl perro.'],
    ['an empty input', { instruction: 'Translate.', input: '' }, 'Translate.'],
    ['no input', { instruction: 'Translate.', input: null, history: [], system: ' ' }, 'Translate.'],
    ['Dolly’s context', { instruction: 'Who?', context: 'A text.' }, 'Who?\n\nA text.'],
    ['both', { instruction: 'Who?', input: 'In it.', context: 'A text.' }, 'Who?\n\nIn it.\n\nA text.'],
    ['a system prompt', { prompt: 'Hi', system: 'Be short.' }, '[System]\nBe short.\n\n[User]\nHi'],
    [
      'a history',
      { instruction: 'And?', input: 'x', history: [['Hi', 'Yo']], system_prompt: 'S' },
      '[System]\nS\n\n[User]\nHi\n\n[Assistant]\nYo\n\n[User]\nAnd?\n\nx',
    ],
    ['a prompt of one message', { prompt: [user('Name two rivers.')] }, 'Name two rivers.'],
    ['a prompt of messages', { prompt: [turn('system', 'S'), user('Hi')] }, '[System]\nS\n\n[User]\nHi'],
    ['a system prompt beside messages', { prompt: [user('Hi')], system: 'S' }, '[System]\nS\n\n[User]\nHi'],
  ])('the question has %s', (_, row, asked) => {
    expect(read({ ...row, ...ANSWERS })).toEqual([asked, 'good', 'bad']);
  });

  it.each<[string, object]>([
    ['explicit prompt', { prompt: [user('Q')], chosen: [assistant('good')], rejected: [assistant('bad')] }],
    ['a text as prompt', { prompt: 'Q', chosen: [assistant('good')], rejected: [assistant('bad')] }],
    ['one answer as a text', { prompt: [user('Q')], chosen: [assistant('good')], rejected: 'bad' }],
    ['implicit prompt', { chosen: [user('Q'), assistant('good')], rejected: [user('Q'), assistant('bad')] }],
    [
      'both',
      { prompt: 'Q', chosen: [user('Q'), assistant('good')], rejected: [user('Q'), assistant('bad')] },
    ],
    ['answers without a list', { prompt: 'Q', chosen: assistant('good'), rejected: assistant('bad') }],
    [
      'LLaMA-Factory’s ranking',
      {
        conversations: [{ from: 'human', value: 'Q' }],
        chosen: { from: 'gpt', value: 'good' },
        rejected: { from: 'gpt', value: 'bad' },
      },
    ],
  ])('messages: %s', (form, row) => {
    if (name === 'export' && form.startsWith('LLaMA')) return;
    if (name === 'bench custom-k' && form.startsWith('LLaMA')) return;
    expect(read(row)).toEqual(['Q', 'good', 'bad']);
  });

  it('several turns behind one beginning', () => {
    const begin = [user('Pick a tree.'), assistant('Oak.'), user('Why?')];
    const asked = '[User]\nPick a tree.\n\n[Assistant]\nOak.\n\n[User]\nWhy?';
    const whole = { chosen: [...begin, assistant('good')], rejected: [...begin, assistant('bad')] };
    expect(read(whole)).toEqual([asked, 'good', 'bad']);
    const split = {
      prompt: begin.slice(0, 1),
      chosen: [...begin.slice(1), assistant('good')],
      rejected: [...begin.slice(1), assistant('bad')],
    };
    expect(read(split)).toEqual([asked, 'good', 'bad']);
  });

  it.each<[string, object, string]>([
    [
      'another question',
      {
        chosen: [user('How many legs has an ant?'), assistant('Six.')],
        rejected: [user('How many legs has a crab?'), assistant('Ten.')],
      },
      'part before the last answer',
    ],
    [
      'another answer before',
      {
        chosen: [user('Tree?'), assistant('Oak.'), user('Why?'), assistant('Old.')],
        rejected: [user('Tree?'), assistant('Birch.'), user('Why?'), assistant('White.')],
      },
      'part before the last answer',
    ],
    [
      'another prompt beside them',
      {
        prompt: [user('Other')],
        chosen: [user('Q'), assistant('good')],
        rejected: [user('Q'), assistant('bad')],
      },
      'does not begin with its prompt',
    ],
    [
      'no answer',
      { chosen: [user('Q')], rejected: [user('Q'), assistant('bad')] },
      'conversation chosen that ends without an answer',
    ],
    ['a history of texts', { prompt: 'Q', history: 'earlier', ...ANSWERS }, 'has a history that is no list'],
    ['tools', { prompt: 'Q', tools: [{ name: 'search' }], ...ANSWERS }, 'has tools, which no prompt'],
    ['an image', { prompt: 'Q', images: ['x.png'], ...ANSWERS }, 'has images, which no prompt'],
    [
      'an input beside messages',
      { prompt: [user('Q')], input: 'x', ...ANSWERS },
      'has the conversation prompt, and input beside it',
    ],
    [
      'two system prompts',
      { prompt: [turn('system', 'a'), user('Q')], system: 'b', ...ANSWERS },
      'has a system prompt, and a conversation that begins with another one',
    ],
    ['a number', { prompt: 5, ...ANSWERS }, 'has no text in prompt, but 5'],
    ['a response that is none', { prompt: 'Q', chosen: 'good', rejected: 3 }, 'rejected'],
  ])('refuses by name: %s', (_, row, message) => {
    expect(() => read(row)).toThrow(EvalPlannerError);
    expect(() => read(row)).toThrow('x.jsonl, line 7');
    expect(() => read(row)).toThrow(message);
  });

  it('one empty response is a result, a missing one is an error', () => {
    if (name === 'export') return;
    expect(read({ instruction: 'i', chosen: 'good', rejected: '' })).toEqual(['i', 'good', '']);
    expect(() => read({ instruction: 'i', chosen: 'good', rejected: null })).toThrow('line 7');
  });

  it('half a surrogate pair and NUL are one text everywhere', () => {
    const row = { instruction: 'a\ud83d', chosen: 'b\0', rejected: '\udc00😀' };
    expect(read(row)).toEqual(['a\uFFFD', 'b\uFFFD', '\uFFFD😀']);
  });
});

describe('which response is better', () => {
  const two = { instruction: 'i', a: 'p', b: 'q' };
  const numbered = { instruction: 'i', response_1: 'p', response_2: 'q' };
  it.each<[object, Gold | null]>([
    [two, null],
    [{ ...two, gold: 'A' }, 'A'],
    [{ ...two, label: ' b ' }, 'B'],
    [{ ...two, label: 2 }, 'B'],
    [{ ...two, label: '1' }, 'A'],
    [{ ...two, preference: 'B>A' }, 'B'],
    [{ ...two, preferred: 'a' }, 'A'],
    [{ ...two, better: '[[B]]' }, 'B'],
    [{ ...two, chosen: 'b' }, 'B'],
    [{ ...two, chosen: 'q' }, 'B'],
    [{ ...two, winner: 'model_a' }, 'A'],
    [{ ...two, winner: 'tie' }, 'tie'],
    [{ ...two, winner: 'tie (bothbad)' }, 'tie'],
    [{ ...two, winner: 'both_bad' }, 'tie'],
    [{ ...two, winner_model_a: 0, winner_model_b: 1, winner_tie: 0 }, 'B'],
    [{ ...two, winner_model_a: '0', winner_model_b: '0', winner_tie: '1' }, 'tie'],
    [{ instruction: 'i', responses: ['p', 'q'], best: 1 }, 'B'],
    [{ instruction: 'i', responses: ['p', 'q'], best: 'A' }, 'A'],
    [{ instruction: 'i', responses: ['p', 'q'], label: 1 }, 'A'],
    [
      { prompt: '["i"]', response_a: '["p"]', response_b: '["q"]', winner_model_a: 1, winner_model_b: 0 },
      'A',
    ],
    [{ ...numbered, label: 2 }, 'B'],
    [{ ...numbered, better: 'response_2' }, 'B'],
    [{ prompt: 'i', response_0: 'p', response_1: 'q', better_response_id: 1, safer_response_id: 0 }, 'B'],
    [{ prompt: 'i', response_0: 'p', response_1: 'q', better_response_id: 0 }, 'A'],
    [{ prompt: 'i', response_0: 'p', response_1: 'q', label: '0' }, 'A'],
    // About something else.
    [
      { prompt: 'i', response_0: 'p', response_1: 'q', safer_response_id: 1, is_response_0_safe: false },
      null,
    ],
    [{ ...two, label: 'toxic', winner: 'model_b' }, 'B'],
    [{ prompt: 'i', chosen: 'p', rejected: 'q', label: 'B' }, 'A'],
    [
      {
        conversation_a: [user('i'), assistant('p')],
        conversation_b: [user('i'), assistant('q')],
        winner: 'model_b',
      },
      'B',
    ],
  ])('%j: %s', (row, gold) => {
    expect(compared(fields(row))).toMatchObject({ question: { text: 'i' }, responses: ['p', 'q'], gold });
  });

  it.each<[object, string]>([
    [{ ...two, label: 0 }, 'has a label that is not A, B or tie, but 0; taken are also 1 and 2'],
    [{ ...numbered, label: 0 }, 'has a label that is not A, B or tie, but 0; taken are also 1 and 2'],
    [{ prompt: 'i', response_0: 'p', response_1: 'q', label: 2 }, 'but 2; taken are also 0 and 1'],
    [{ ...two, winner: 'gpt-4' }, 'has a winner that is not A, B or tie, but "gpt-4"'],
    [{ ...two, preference: 0.7 }, 'has a preference that is not A, B or tie, but 0.7'],
    [{ ...two, label: true }, 'has a label that is not A, B or tie, but true'],
    [{ ...two, gold: 'A', winner: 'model_b' }, 'has the gold A, and the winner B'],
    [
      { ...two, a: 'b', chosen: 'b' },
      'has the chosen "b", which names one response and is the text of the other',
    ],
    [{ ...two, winner_model_a: 1, winner_model_b: 1 }, 'has not one 1 among winner_model_a'],
    [{ ...numbered, response_3: 'r', label: 1 }, 'has more than two responses: response_3, too'],
    [{ ...two, label: `\u202e\u0007${'x'.repeat(500)}` }, `but "\\u202e\\u0007${'x'.repeat(52)}…`],
  ])('%j is refused by name', (row, message) => {
    expect(() => compared(fields(row))).toThrow(`x.jsonl, line 7 `);
    expect(() => compared(fields(row))).toThrow(message);
  });

  it('a 0 that could count from 0 or deny ends the reading: without it the 1s could be misread', () => {
    const thrown = (row: object) => {
      try {
        compared(fields(row));
      } catch (error) {
        return error;
      }
      throw new Error('taken');
    };
    for (const label of [0, '0']) {
      expect(costsRow(thrown({ ...two, label }), 'skip')).toBe(false);
      expect(costsRow(thrown({ ...numbered, label }), 'skip')).toBe(false);
    }
    expect(costsRow(thrown({ ...two, label: 3 }), 'skip')).toBe(true);
    expect(costsRow(thrown({ ...two, label: 3 }), 'stop')).toBe(false);
  });

  it('pairs takes labelled rows, and counts ties and what parts by their names', async () => {
    const account = newAccount();
    const rows = [
      { ...two, winner: 'model_b' },
      { ...two, instruction: 'another one', winner: 'tie (bothbad)' },
      { chosen: [user('x'), assistant('c')], rejected: [user('y'), assistant('r')] },
    ];
    const found = [];
    const stream = (async function* () {
      for (const row of rows) yield source(row);
    })();
    for await (const one of selectInstructions(stream, {}, account)) found.push(one);
    expect(found).toMatchObject([{ text: 'i', response: 'q', rejected: 'p' }]);
    expect(account).toEqual({
      read: 3,
      kept: 1,
      left: { tie: 1, 'conversations part before the last answer': 1 },
    });
  });
});

it.each([
  { instruction: 'i', response_a: 'p', response_b: 'q', winner: '' },
  { instruction: 'i', response_a: 'p', response_b: 'q', winner: null },
  { instruction: 'i', response_1: 'p', response_2: 'q' },
  { prompt: 'i', a: 'p', b: 'q', gold: ' ' },
])('two responses of which the row does not say the better one are no instruction without any: %j', (row) => {
  expect(() => readInstruction(source(row))).toThrow('does not say which response is better');
  expect(readInstruction(source(row), presetOf('plain')).text).toBe('i');
});

describe('ids', () => {
  it.each<[unknown, string]>([
    ['x', 'x'],
    [7, '7'],
    [1.5, '1.5'],
    [9007199254740993n, '9007199254740993'],
    [-0, '0'],
  ])('%s', (id, text) => expect(fields({ id }).id('id')).toBe(text));

  it.each<[unknown, string]>([
    [1e16, 'has an id that is not exact, 10000000000000000'],
    [Number.NaN, 'has no id'],
    [null, 'has no id'],
    [' ', 'has no id'],
    [{}, 'has an id that is neither a text nor a number, but {}'],
    [true, 'has an id that is neither a text nor a number, but true'],
  ])('%s is refused', (id, message) => expect(() => fields({ id }).id('id')).toThrow(message));
});

it('a column whose name holds a dot is itself, before the dot leads anywhere', () => {
  const row = fields({ 'a.b': 'x', a: { b: 'y', c: ['z'] } });
  expect([row.value('a.b'), row.value('a.c.0'), row.value('a.d'), row.value('a.b.c')]).toEqual([
    'x',
    'z',
    undefined,
    undefined,
  ]);
});

it('Self-Instruct’s input belongs to its instruction', () => {
  const row = { instruction: 'Sort.', instances: [{ input: '3 1 2', output: '1 2 3' }] };
  expect(readInstruction(source(row))).toMatchObject({ text: 'Sort.\n\n3 1 2', response: '1 2 3' });
  expect(readInstruction(source({ ...row, instances: [{ input: '', output: 'x' }] })).text).toBe('Sort.');
});

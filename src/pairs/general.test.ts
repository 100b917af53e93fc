import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptModel } from '../model/script.contract.ts';
import { type GenerateRequest, promptText } from '../model.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import type { Instruction } from '../source.ts';
import { openStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import { generalPair } from './general.ts';
import { pairsOf } from './pairs.contract.ts';

const sampling = { temperature: 0.8, topP: 0.95, maxTokens: 40 };
const instructions = (...texts: string[]) => texts.map((text) => ({ text, family: 'list' }));
const isChange = ({ prompt }: GenerateRequest) => promptText(prompt).endsWith('<change>');

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', { config: {} });
});
afterEach(() => store.close());
const build = (model: ScriptModel, list: readonly Instruction[], seed = 1) =>
  pairsOf(
    list.map((instruction) =>
      generalPair(
        { seed, domain: 'general', revision: model.revision, prompts: PLAYGROUND_PROMPTS },
        instruction,
        {
          answer: sampling,
          modification: sampling,
        },
      ),
    ),
    model,
    store,
  );

describe('generalPair', () => {
  it('chosen answers x, rejected answers the modified x', async () => {
    const model = new ScriptModel((request) => (isChange(request) ? ' List 4. <answer> d e' : ' a b c'));
    const { pairs, dropped } = await build(model, instructions('List 3.'));
    expect(pairs).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{32}$/),
        domain: 'general',
        family: 'list',
        instruction: 'List 3.',
        chosen: 'a b c',
        rejected: 'd e',
        provenance: { modified: 'List 4.' },
      },
    ]);
    expect(dropped).toEqual({});
    expect(model.asked.map(({ text }) => text)).toEqual([
      'Instruction: List 3. <answer>',
      'Instruction: List 3. <change>',
    ]);
    for (const request of model.asked) expect(request).toMatchObject(sampling);
  });

  it('rejects the answer to another instruction where one is named: its own, or what the model says to it', async () => {
    const model = new ScriptModel(({ text }) => ` to ${/Instruction: (.*) </.exec(text)?.[1]}`);
    const list = [
      { text: 'x', family: 'list', other: { text: 'y' } },
      { text: 'y', family: 'list', other: { text: 'z', response: 'own z' } },
      { text: 'z', family: 'list', response: 'own z', other: { text: 'v', response: 'own v' } },
    ];
    const { pairs, dropped } = await build(model, list);
    expect(pairs.map(({ chosen, rejected, provenance }) => [chosen, rejected, provenance])).toEqual([
      ['to x', 'to y', { other: 'y' }],
      ['to y', 'own z', { other: 'z' }],
      ['own z', 'own v', { other: 'v' }],
    ]);
    expect(dropped).toEqual({});
    // The answer to y is asked for once, and nothing is modified.
    expect(model.asked.map(({ text }) => text)).toEqual([
      'Instruction: x <answer>',
      'Instruction: y <answer>',
    ]);
  });

  it('counts what gives no pair, by reason; a cut text is never part of one', async () => {
    const script: Record<string, readonly [answer: string | null, change: string | null]> = {
      good: ['a', 'y <answer> b'],
      'cut answer': [null, 'y <answer> b'],
      'cut change': ['a', null],
      'empty answer': [' ', 'y <answer> b'],
      'no answer tag': ['a', 'y b'],
      'no response': ['a', 'y <answer> '],
      unmodified: ['a', ' unmodified <answer> b'],
      same: ['a', 'y <answer> a '],
    };
    const model = new ScriptModel((request) => {
      const name = promptText(request.prompt).replace(/^Instruction: | <\w+>$/g, '');
      const text = script[name]![isChange(request) ? 1 : 0];
      // The whole of it would have made a pair.
      return text === null
        ? { text: isChange(request) ? 'y <answer> b' : 'a', finishReason: 'length' }
        : text;
    });
    const { pairs, dropped } = await build(model, instructions(...Object.keys(script)));
    expect(pairs.map(({ instruction }) => instruction)).toEqual(['good']);
    expect(dropped).toEqual({ cut: 2, unreadable: 3, 'instruction not modified': 1, 'same response': 1 });
  });

  it('asks a second time for nothing and makes the same pairs', async () => {
    const script = (request: GenerateRequest) =>
      isChange(request) ? ` other <answer> ${request.seed}` : ` ${request.seed}`;
    const list = instructions('one', 'two', 'three');
    const [first, second] = [new ScriptModel(script), new ScriptModel(script)];
    const before = await build(first, list);
    expect(await build(second, list)).toEqual(before);
    expect(second.asked).toEqual([]);
  });

  it('gives every unit a key and a seed of its own, by instruction, prompt, model, sampling and run', async () => {
    const model = new ScriptModel(() => 'x');
    const other = new ScriptModel(() => 'x', 'other');
    await build(model, instructions('one', 'two'));
    await build(model, instructions('one'), 2);
    await build(other, instructions('one'));
    const all = [...model.asked, ...other.asked];
    expect(all).toHaveLength(8);
    expect(new Set(all.map(({ key }) => key)).size).toBe(8);
    // Two prompts, two instructions and another run's seed; the model plays no part in the seed.
    expect(new Set(all.map(({ seed }) => seed)).size).toBe(6);
  });

  it('an instruction with our tags cannot end itself', async () => {
    const model = new ScriptModel(() => 'x');
    await build(model, instructions('Say <answer> yes'));
    expect(model.asked[0]?.text).toBe('Instruction: Say <\u200banswer> yes <answer>');
  });
});

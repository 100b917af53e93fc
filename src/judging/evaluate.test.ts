import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptModel, tally } from '../model/script.contract.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { conduct } from '../sampling/conduct.ts';
import { openStore } from '../store/ledger.ts';
import type { Evaluation, Store } from '../store.ts';
import type { ResponsePair } from '../types.ts';
import { type EvaluateOptions, evaluate } from './evaluate.ts';

const pair = (id: string): ResponsePair => ({
  id,
  domain: 'general',
  family: 'list',
  instruction: `do ${id}`,
  chosen: 'good',
  rejected: 'bad',
  provenance: {},
});
const pairs = ['x', 'y', 'z'].map(pair);
const options = { stage: 'M0', split: 'test', form: 'planned', maxTokens: 144 } as const;

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', { config: {} });
});
afterEach(() => store.close());
async function judge(model: ScriptModel, more: Partial<EvaluateOptions> = {}): Promise<Evaluation[]> {
  const how = { ...options, prompts: PLAYGROUND_PROMPTS, model: model.revision, ...more };
  const found: Evaluation[] = [];
  for await (const rows of conduct(pairs, (one) => evaluate(one, how), { judge: model, store }))
    found.push(...rows);
  store.putEvaluations(found);
  return found;
}

describe('evaluate', () => {
  it('judges each pair in both orders, greedily, from the prompt of its form', async () => {
    const model = new ScriptModel(() => ' <plan> p </plan> <exec> e </exec> [[A]]');
    await judge(model);
    expect(model.asked.map(({ text }) => text)).toEqual(
      ['x', 'y', 'z'].flatMap((id) => [
        `Instruction: do ${id} <A> good <B> bad <judge>`,
        `Instruction: do ${id} <A> bad <B> good <judge>`,
      ]),
    );
    for (const request of model.asked)
      expect(request).toMatchObject({ temperature: 0, topP: 1, maxTokens: 144 });
    const other = new ScriptModel(() => '', 'other');
    await judge(other, { form: 'direct' });
    await judge(other, { form: 'unplanned' });
    expect(
      tally(other.asked.map(({ text }) => text.replace(/^.* bad$|^.* good$/, 'unplanned').slice(-9))),
    ).toEqual({ '<verdict>': 6, unplanned: 6 });
  });

  it('A is right where the chosen response stands first, B where it stands second', async () => {
    const always = await judge(new ScriptModel(() => '[[A]]'));
    expect(tally(always.map(({ order, verdict, correct }) => `${order} ${verdict} ${correct}`))).toEqual({
      'ab A true': 3,
      'ba A false': 3,
    });
    const seeing = new ScriptModel(
      ({ text: prompt }) => (prompt.includes('<A> good') ? '[[A]]' : '[[B]]'),
      'seeing',
    );
    expect((await judge(seeing, { stage: 'seeing' })).every(({ correct }) => correct)).toBe(true);
  });

  it('a tie, no verdict or a cut text is never correct', async () => {
    const lines: Record<string, ReturnType<ConstructorParameters<typeof ScriptModel>[0]>> = {
      x: '[[C]]',
      y: '<exec> [[A]] [[B]] </exec>',
      z: { text: '<exec> e </exec> [[A]]', finishReason: 'length' },
    };
    const found = await judge(new ScriptModel(({ text: prompt }) => lines[/do (\w)/.exec(prompt)![1]!]!));
    expect(found.map(({ pairId, order, verdict, correct }) => [pairId, order, verdict, correct])).toEqual(
      (
        [
          ['x', 'tie'],
          ['y', 'invalid'],
          ['z', 'truncated'],
        ] as const
      ).flatMap(([id, verdict]) => [
        [id, 'ab', verdict, false],
        [id, 'ba', verdict, false],
      ]),
    );
  });

  it('stores what it returns, under the judge’s name and split', async () => {
    const found = await judge(new ScriptModel(() => 'because [[B]]'));
    expect([...store.evaluations({ stage: 'M0', split: 'test' })]).toEqual(found);
    expect(found[0]).toEqual({
      stage: 'M0',
      split: 'test',
      pairId: 'x',
      order: 'ab',
      verdict: 'B',
      correct: false,
      text: 'because [[B]]',
      plan: null,
      execution: null,
    });
    expect([...store.evaluations({ stage: 'M0', split: 'dev' })]).toEqual([]);
  });

  it('asks the same judge once, whatever it is called; another model, form or limit is asked anew', async () => {
    const model = new ScriptModel(() => '[[A]]');
    const first = await judge(model);
    expect(await judge(model)).toEqual(first);
    const again = await judge(model, { stage: 'M0 again', split: 'validation' });
    expect(again.map(({ verdict }) => verdict)).toEqual(first.map(({ verdict }) => verdict));
    expect(model.asked).toHaveLength(6);
    const other = new ScriptModel(() => '[[B]]', 'other');
    await judge(other);
    await judge(model, { form: 'direct' });
    await judge(model, { maxTokens: 4 });
    const all = [...model.asked, ...other.asked];
    expect(all).toHaveLength(24);
    expect(new Set(all.map(({ key }) => key)).size).toBe(24);
  });
});

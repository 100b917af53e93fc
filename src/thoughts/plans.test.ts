import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptModel, tally } from '../model/script.contract.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { conduct } from '../sampling/conduct.ts';
import { openStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import type { ResponsePair } from '../types.ts';
import { plansOf } from './plans.ts';

const sampling = { temperature: 0.8, topP: 0.95, maxTokens: 48 };
const pair = (id: string): ResponsePair => ({
  id,
  domain: 'general',
  family: 'list',
  instruction: `do ${id}`,
  chosen: `good ${id}`,
  rejected: `bad ${id}`,
  provenance: {},
});

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', { config: {} });
});
afterEach(() => store.close());
async function sample(model: ScriptModel, pairs: ResponsePair[], round: number, plans: number) {
  const { revision } = model;
  const options = {
    round,
    plans,
    sampling,
    prompts: PLAYGROUND_PROMPTS,
    model: revision,
    planner: revision,
    seed: 3,
  };
  for await (const made of conduct(pairs, (pair) => plansOf(pair, options), { judge: model, store }))
    store.putPlans(made);
}

describe('plansOf', () => {
  it('in round 1 the prompt shows the instruction and nothing else', async () => {
    const model = new ScriptModel(({ seed }) => ` Count ${seed}. </plan> and more`);
    await sample(model, [pair('x'), pair('y')], 1, 5);
    expect(tally(model.asked.map(({ text }) => text))).toEqual({
      'Instruction: do x <plan>': 5,
      'Instruction: do y <plan>': 5,
    });
    for (const request of model.asked) expect(request).toMatchObject({ ...sampling, stop: ['</plan>'] });
    const plans = [...store.plans({ round: 1 })];
    expect(plans.map(({ pairId, planIndex }) => `${pairId}${planIndex}`)).toEqual(
      ['x', 'y'].flatMap((id) => [0, 1, 2, 3, 4].map((index) => `${id}${index}`)),
    );
    // A plan's id is the key of its generation, its text ends where the plan does.
    for (const { id, text, round } of plans) {
      const seed = model.asked.find(({ key }) => key === id)?.seed;
      expect(text).toBe(`Count ${seed}.`);
      expect(round).toBe(1);
    }
    expect(new Set(model.asked.map(({ seed }) => seed)).size).toBe(10);
  });

  it('from round 2 on it is the judge prompt up to the plan, orders taking turns', async () => {
    const model = new ScriptModel(() => ' Count.');
    await sample(model, [pair('x')], 2, 3);
    const shows = (a: string, b: string) => `Instruction: do x <A> ${a} <B> ${b} <judge> <plan>`;
    expect(model.asked.map(({ text }) => text)).toEqual([
      shows('good x', 'bad x'),
      shows('good x', 'bad x'),
      shows('bad x', 'good x'),
    ]);
    // Those of one prompt may be one call.
    const [first, second, other] = model.asked.map(({ seed }) => seed) as [number, number, number];
    expect(second).toBe((first + 1) % 2 ** 31);
    expect(Math.abs(other - first)).toBeGreaterThan(1);
    expect([...store.plans({ round: 2 })].map(({ planIndex }) => planIndex)).toEqual([0, 1, 2]);
    expect([...store.plans({ round: 1 })]).toEqual([]);
  });

  it('a plan that was cut or is empty is no plan; the others keep their index', async () => {
    const model = new ScriptModel(({ key }) => {
      const index = model.asked.findIndex((request) => request.key === key);
      if (index === 1) return { text: ' Count the ani', finishReason: 'length' };
      return index === 2 ? ' </plan>' : ` Count ${index}. `;
    });
    await sample(model, [pair('x')], 1, 4);
    expect([...store.plans({ round: 1 })].map(({ planIndex, text }) => [planIndex, text])).toEqual([
      [0, 'Count 0.'],
      [3, 'Count 3.'],
    ]);
  });

  it('asks a second time for nothing, for more plans only for the new ones, for another round or model anew', async () => {
    const model = new ScriptModel(({ seed }) => `Count ${seed}.`);
    await sample(model, [pair('x')], 1, 3);
    const before = [...store.plans({ round: 1 })];
    await sample(model, [pair('x')], 1, 3);
    expect(model.asked).toHaveLength(3);
    expect([...store.plans({ round: 1 })]).toEqual(before);
    await sample(model, [pair('x')], 1, 5);
    expect(model.asked).toHaveLength(5);
    await sample(model, [pair('x')], 2, 5);
    expect(model.asked).toHaveLength(10);
    const other = new ScriptModel(() => 'Count.', 'other');
    await sample(other, [pair('x')], 1, 5);
    expect(other.asked).toHaveLength(5);
    const all = [...model.asked, ...other.asked];
    expect(new Set(all.map(({ key }) => key)).size).toBe(15);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptModel, tally } from '../model/script.contract.ts';
import type { ScriptRequest } from '../model/scripted.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { conduct } from '../sampling/conduct.ts';
import { openStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import type { ResponsePair, Thought } from '../types.ts';
import { type ExecutionOptions, executionsOf } from './executions.ts';
import { pair } from './pair.contract.ts';

const sampling = { temperature: 0.8, topP: 0.95, maxTokens: 144 };

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', { config: {} });
});
afterEach(() => store.close());

const putPlans = (round: number, ...texts: string[]) =>
  store.putPlans(
    texts.map((text, i) => ({ id: `plan-${round}-${i}`, pairId: 'x', round, planIndex: i, text })),
  );
async function sample(model: ScriptModel, options: Partial<ExecutionOptions> = {}, into = store) {
  const { revision } = model;
  const how = { round: 1, form: 'planned' as const, executions: 4, sampling, seed: 3, ...options };
  const plans = how.form === 'planned' ? [...into.plans({ round: how.round })] : [{ planIndex: 0, text: '' }];
  const all = { ...how, prompts: PLAYGROUND_PROMPTS, model: revision, planner: revision };
  const task = (of: ResponsePair) => executionsOf(of, plans, all);
  for await (const made of conduct([pair], task, { judge: model, store: into })) into.putThoughts(made);
}
const thoughts = (round = 1): Thought[] => [...store.thoughts({ round })];
const showsChosenFirst = ({ text: prompt }: ScriptRequest) => prompt.includes('<A> good <B> bad');

describe('executionsOf', () => {
  it('keeps what a model thinks out of thoughts, which become rows', async () => {
    putPlans(1, 'Count.');
    await sample(
      new ScriptModel(() => '<think> [[B]]? <exec> no </exec> [[B]] </think>\n<exec> done </exec> [[A]]'),
    );
    expect(thoughts()).toHaveLength(8);
    for (const thought of thoughts()) {
      expect(thought).toMatchObject({ execution: 'done', verdict: 'A' });
      expect(store.generation(thought.id)?.text).toContain('<think>');
    }
    await sample(new ScriptModel(() => '<think> [[A]]'), { seed: 4 });
    expect(tally(thoughts().map(({ verdict }) => verdict))).toEqual({ truncated: 8 });
  });

  it('round 1: plan × order × execution from the execution prompt, which shows the plan', async () => {
    putPlans(1, 'Count.', 'Compare.');
    const model = new ScriptModel(() => '<exec> done </exec> [[A]]');
    await sample(model);
    expect(tally(model.asked.map(({ text }) => text))).toEqual(
      Object.fromEntries(
        ['Count.', 'Compare.'].flatMap((plan) =>
          ['<A> good <B> bad', '<A> bad <B> good'].map((shown) => [
            `Instruction: List 2. ${shown} <plan> ${plan} </plan>`,
            4,
          ]),
        ),
      ),
    );
    for (const request of model.asked) expect(request).toMatchObject(sampling);
    expect(new Set(model.asked.map(({ key }) => key)).size).toBe(16);
    expect(new Set(model.asked.map(({ seed }) => seed)).size).toBe(16);
    expect(tally(thoughts().map((t) => `${t.planIndex} ${t.order} ${t.executionIndex} ${t.plan}`))).toEqual(
      Object.fromEntries(
        ['Count.', 'Compare.'].flatMap((plan, p) =>
          ['ab', 'ba'].flatMap((order) => [0, 1, 2, 3].map((e) => [`${p} ${order} ${e} ${plan}`, 1])),
        ),
      ),
    );
  });

  it('correct names the chosen response: ab shows it first, so A is right there and B in ba', async () => {
    putPlans(1, 'Count.');
    await sample(new ScriptModel(() => '<exec> done </exec> [[A]]'));
    for (const { order, verdict, correct, execution } of thoughts()) {
      expect([verdict, execution]).toEqual(['A', 'done']);
      expect(correct).toBe(order === 'ab');
    }
    // A judge that sees which response is good is right in both orders.
    putPlans(2, 'Count.');
    await sample(
      new ScriptModel((request) => `<exec> seen </exec> [[${showsChosenFirst(request) ? 'A' : 'B'}]]`),
      { round: 2 },
    );
    expect(tally(thoughts(2).map(({ order, verdict, correct }) => `${order} ${verdict} ${correct}`))).toEqual(
      {
        'ab A true': 4,
        'ba B true': 4,
      },
    );
  });

  it.each<[string, 'stop' | 'length', Thought['verdict']]>([
    ['<exec> e </exec> [[A]]', 'length', 'truncated'],
    ['<exec> e [[A]]', 'length', 'truncated'],
    ['<exec> e </exec>', 'stop', 'invalid'],
    ['<exec> e </exec> [[C]]', 'stop', 'tie'],
    ['<exec> [[A]] </exec>', 'stop', 'invalid'],
    // Outside the format: a verdict that no execution stands before.
    ['[[A]]', 'stop', 'invalid'],
    ['e </exec> [[A]]', 'stop', 'invalid'],
    ['', 'stop', 'invalid'],
    // In words, or with something after it: no label for a training.
    ['<exec> e </exec> A is better', 'stop', 'invalid'],
    ['<exec> e </exec> **[[A]]** as I said', 'stop', 'invalid'],
  ])('%j (%s) is %s and never correct, in either order', async (text, finishReason, verdict) => {
    putPlans(1, 'Count.');
    await sample(new ScriptModel(() => ({ text, finishReason })), { executions: 1 });
    expect(thoughts().map((thought) => [thought.order, thought.verdict, thought.correct])).toEqual([
      ['ab', verdict, false],
      ['ba', verdict, false],
    ]);
  });

  it('a generation that failed or was refused is never correct', async () => {
    putPlans(1, 'Count.');
    const model = new ScriptModel(() => '<exec> e </exec> [[A]]');
    await sample(model, { executions: 1 });
    using other = openStore(':memory:', { config: {} });
    other.putPlans(store.plans({ round: 1 }));
    const refused = model.asked.map(({ key }) => {
      return { key, text: '', finishReason: 'refused' as const, promptTokens: 1, completionTokens: 0 };
    });
    other.putGenerations(refused);
    await sample(model, { executions: 1 }, other);
    expect([...other.thoughts({ round: 1 })].map(({ verdict, correct }) => [verdict, correct])).toEqual([
      ['refused', false],
      ['refused', false],
    ]);
  });

  it('what never came gives no thought', async () => {
    putPlans(1, 'Count.');
    const model = new ScriptModel(({ seed }) =>
      seed % 2 === 0 ? '<exec> e </exec> [[A]]' : { text: '', finishReason: 'error' },
    );
    await sample(model);
    const came = model.asked.filter(({ seed }) => seed % 2 === 0).map(({ key }) => key);
    expect(came.length).toBeGreaterThan(0);
    expect(came.length).toBeLessThan(8);
    expect(
      thoughts()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(came.sort());
  });

  it('round 2: the judge prompt continued with the plan, so that only the execution is new', async () => {
    putPlans(2, 'Count.');
    const model = new ScriptModel(() => ' <exec> done </exec> [[B]]');
    await sample(model, { round: 2, executions: 1 });
    expect(model.asked.map(({ text }) => text)).toEqual([
      'Instruction: List 2. <A> good <B> bad <judge> <plan> Count. </plan>',
      'Instruction: List 2. <A> bad <B> good <judge> <plan> Count. </plan>',
    ]);
    // Prompt and completion together are the judge prompt and the whole thought as it is trained.
    const [first] = thoughts(2);
    const { judge, formatThought } = PLAYGROUND_PROMPTS;
    const whole = `${judge.text.replace('{instruction}', 'List 2.').replace('{a}', 'good').replace('{b}', 'bad')}${formatThought('Count.', first!.execution, 'B')}`;
    expect(`${model.asked[0]?.text} <exec> done </exec> [[B]]`).toBe(whole);
  });

  it('without plans: the unplanned prompt, one group, whatever plans there are', async () => {
    putPlans(11, 'Count.', 'Compare.');
    const model = new ScriptModel(() => '<exec> done </exec> [[A]]');
    await sample(model, { round: 11, form: 'unplanned', executions: 6 });
    expect(tally(model.asked.map(({ text }) => text))).toEqual({
      'Instruction: List 2. <A> good <B> bad': 6,
      'Instruction: List 2. <A> bad <B> good': 6,
    });
    expect(new Set(thoughts(11).map(({ plan, planIndex }) => `${plan}|${planIndex}`))).toEqual(
      new Set(['|0']),
    );
    expect(thoughts(11)).toHaveLength(12);
  });

  it('asks a second time for nothing; topping up 2 to 3 executions costs the new cells only', async () => {
    putPlans(1, 'Count.', 'Compare.');
    const model = new ScriptModel(({ seed }) => `<exec> ${seed} </exec> [[${seed % 2 === 0 ? 'A' : 'B'}]]`);
    await sample(model, { executions: 2 });
    const before = thoughts();
    await sample(model, { executions: 2 });
    expect(model.asked).toHaveLength(8);
    expect(thoughts()).toEqual(before);
    await sample(model, { executions: 3 });
    expect(model.asked).toHaveLength(12);
    expect(thoughts().filter(({ executionIndex }) => executionIndex < 2)).toEqual(before);
    const other = new ScriptModel(() => '', 'other');
    await sample(other, { executions: 3 });
    expect(other.asked).toHaveLength(12);
    expect(new Set([...model.asked, ...other.asked].map(({ key }) => key)).size).toBe(24);
  });

  it('pairs without plans have no thoughts', async () => {
    const model = new ScriptModel(() => '');
    await sample(model);
    expect(model.asked).toEqual([]);
    expect(thoughts()).toEqual([]);
  });
});

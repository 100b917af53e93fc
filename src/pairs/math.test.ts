import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptModel, tally } from '../model/script.contract.ts';
import { type GenerateRequest, promptText } from '../model.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { openStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import { mathPairs } from './math.ts';
import { pairsOf } from './pairs.contract.ts';

const sampling = { temperature: 0.8, topP: 0.95, maxTokens: 40 };
const problem = (text: string, answer = '7') => ({ text, family: 'shop', answer });

let store: Store;
beforeEach(() => {
  store = openStore(':memory:', { config: {} });
});
afterEach(() => store.close());

/** Scripts solutions by problem text and index of the solution. */
function scripted(script: Record<string, readonly (string | null)[]>): ScriptModel {
  const asked = new Map<string, string[]>();
  return new ScriptModel((request) => {
    const name = promptText(request.prompt).replace(/^Instruction: | <answer>$/g, '');
    const keys = asked.get(name) ?? [];
    asked.set(name, keys);
    // Reversed: the last solution is generated first.
    keys.push(request.key);
    const text = script[name]!.at(-keys.length)!;
    return text === null ? { text: 'So 7.', finishReason: 'length' } : text;
  });
}
const build = (model: ScriptModel, problems: ReturnType<typeof problem>[], solutions: number, seed = 1) =>
  pairsOf(
    problems.map((problem) =>
      mathPairs(
        { seed, domain: 'math', revision: model.revision, prompts: PLAYGROUND_PROMPTS },
        problem,
        sampling,
        solutions,
      ),
    ),
    model,
    store,
  );

describe('mathPairs', () => {
  it('chooses a right solution and rejects a wrong one, and says which', async () => {
    const model = scripted({ p: ['5 + 2 = 7. So 7.', 'So 8.', 'no answer', null, ' So 9. So 7.0 '] });
    const { pairs, dropped } = await build(model, [problem('p')], 5);
    expect(dropped).toEqual({});
    const [pair] = pairs;
    expect(pair).toMatchObject({ domain: 'math', family: 'shop', instruction: 'p', rejected: 'So 8.' });
    expect(['5 + 2 = 7. So 7.', 'So 9. So 7.0']).toContain(pair?.chosen);
    expect(pair?.provenance).toEqual({
      chosen: pair?.chosen.startsWith('5') ? 0 : 4,
      rejected: 1,
      right: 2,
      wrong: 1,
    });
  });

  it('a problem with one kind only gives nothing, cut and unconcluded solutions being neither', async () => {
    const model = scripted({
      'all right': ['So 7.', 'So 7', 'So 7.00'],
      'all wrong': ['So 1.', 'So 2.', 'So -7.'],
      'wrong and cut': ['So 1.', null, '7'],
      'right and cut': ['So 7.', null, 'eight'],
      'nothing readable': [null, '', ' '],
      both: ['So 7.', 'So 8.', ''],
    });
    const names = ['all right', 'all wrong', 'wrong and cut', 'right and cut', 'nothing readable', 'both'];
    const { pairs, dropped } = await build(
      model,
      names.map((name) => problem(name)),
      3,
    );
    expect(pairs.map(({ instruction }) => instruction)).toEqual(['both']);
    expect(dropped).toEqual({ 'no wrong solution': 2, 'no right solution': 3 });
  });

  it('without a gold answer nothing is right', async () => {
    const model = scripted({ p: ['So 7.', 'So 8.'] });
    const { dropped } = await build(model, [{ text: 'p', family: 'shop' } as ReturnType<typeof problem>], 2);
    expect(dropped).toEqual({ 'no right solution': 1 });
  });

  it('any right and any wrong solution can be drawn, by the seed', async () => {
    const texts = ['So 7.', 'a So 7.', 'So 1.', 'So 2.', 'b So 7.', 'So 3.'];
    const problems = Array.from({ length: 200 }, (_, i) => problem(`p${i}`));
    const script = Object.fromEntries(problems.map(({ text }) => [text, texts]));
    const { pairs } = await build(scripted(script), problems, 6);
    const chosen = tally(pairs.map(({ chosen }) => chosen));
    const rejected = tally(pairs.map(({ rejected }) => rejected));
    expect(Object.keys(chosen).sort()).toEqual(['So 7.', 'a So 7.', 'b So 7.']);
    expect(Object.keys(rejected).sort()).toEqual(['So 1.', 'So 2.', 'So 3.']);
    // Five standard deviations of a binomial(200, 1/3).
    for (const count of [...Object.values(chosen), ...Object.values(rejected)]) {
      expect(Math.abs(count - 200 / 3)).toBeLessThan(34);
    }
  });

  it('asks a second time for nothing; more solutions cost only the new ones', async () => {
    const script = ({ seed }: GenerateRequest) => `So ${seed % 2 === 0 ? 7 : 8}.`;
    const problems = [problem('p'), problem('q')];
    const [first, second, third] = [
      new ScriptModel(script),
      new ScriptModel(script),
      new ScriptModel(script),
    ];
    const before = await build(first, problems, 4);
    expect(first.asked).toHaveLength(8);
    expect(new Set(first.asked.map(({ key }) => key)).size).toBe(8);
    expect(new Set(first.asked.map(({ seed }) => seed)).size).toBe(8);
    expect(await build(second, problems, 4)).toEqual(before);
    expect(second.asked).toEqual([]);
    await build(third, problems, 6);
    expect(third.asked).toHaveLength(4);
  });
});

import { describe, expect, it } from 'vitest';
import type { SourceRow } from '../rows/row.ts';
import { officialScore } from './benchmark.ts';
import { ppeCorrectness, ppePreference } from './ppe.ts';

const rows = (values: readonly unknown[], file: string): SourceRow[] =>
  values.map((value, i) => ({ value, file, at: `${file}, row ${i + 1}` }));

/** A row of the published schema of a Best-of-K set, with four responses in place of 32. */
const row = (parts: object = {}) => ({
  question_id: '5',
  model_name: 'gemma-2-9b-it',
  prompt: 'question',
  scores: [true, false, true, false],
  mean_score: 0.5,
  ...Object.fromEntries([1, 2, 3, 4].map((k) => [`response_${k}`, `response ${k}`])),
  sampled_conflict_pairs: [
    [0, 3],
    [1, 2],
  ],
  ...parts,
});

describe('PPE correctness', () => {
  it('takes the pairs that were drawn, the right response first', () => {
    const pairs = ppeCorrectness.load(rows([row()], 'PPE-MMLU-Pro-Best-of-K'));
    expect(pairs.map(({ id, section, first, second, gold }) => [id, section, first, second, gold])).toEqual([
      ['MMLU-Pro:5:gemma-2-9b-it:0:3', 'MMLU-Pro', 'response 1', 'response 4', 'first'],
      ['MMLU-Pro:5:gemma-2-9b-it:2:1', 'MMLU-Pro', 'response 3', 'response 2', 'first'],
    ]);
  });

  it('pairs every right response with every wrong one where none were drawn', () => {
    const pairs = ppeCorrectness.load(rows([row({ sampled_conflict_pairs: undefined })], 'gpqa'));
    expect(pairs.map(({ id }) => id.slice(-3))).toEqual(['0:1', '0:3', '2:1', '2:3']);
    expect(
      ppeCorrectness.load(rows([row({ scores: [1, 1, 1, 1], sampled_conflict_pairs: [] })], 'gpqa')),
    ).toEqual([]);
  });

  it.each([
    ['PPE-MATH-Best-of-K', 'MATH'],
    ['gpqa', 'GPQA'],
    ['mbpp-plus', 'MBPP+'],
    ['ppe-ifeval', 'IFEval'],
  ])('knows the set of %s', (file, section) => {
    expect(ppeCorrectness.load(rows([row()], file))[0]?.section).toBe(section);
  });

  it('tells questions apart that carry one id twice', () => {
    const ids = ppeCorrectness.load(rows([row(), row()], 'math')).map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
  });

  it('weighs sets alike, whatever their sizes', () => {
    const pairs = [
      ...ppeCorrectness.load(rows([row(), row()], 'math')),
      ...ppeCorrectness.load(rows([row()], 'gpqa')),
    ];
    const rated = pairs.map((pair) => ({ pair, points: pair.section === 'MATH' ? 1 : 0 }));
    expect(officialScore(ppeCorrectness, rated)([...rated.keys()]).score).toBe(0.5);
  });

  it.each<[object, RegExp]>([
    [{ scores: ['yes'] }, /row 1 has no list scores/],
    [{ sampled_conflict_pairs: [[0, 2]] }, /row 1 has a conflict pair \[0,2\]/],
    [{ sampled_conflict_pairs: [[0, 9]] }, /row 1 has a conflict pair \[0,9\]/],
    [{ response_4: undefined }, /row 1 has no response_4/],
  ])('names what is wrong with %j', (parts, message) => {
    expect(() => ppeCorrectness.load(rows([row(parts)], 'math'))).toThrow(message);
  });

  it('asks for the set of a file that is called otherwise', () => {
    expect(() => ppeCorrectness.load(rows([row()], 'train'))).toThrow(/belongs to no set/);
  });
});

describe('PPE human preference', () => {
  const battle = (winner: string) => ({
    question_id: winner,
    prompt: 'p',
    response_1: 'one',
    response_2: 'two',
    winner,
    language: 'English',
  });

  it('leaves ties out, and nothing else', () => {
    const winners = ['model_a', 'model_b', 'tie', 'tie (bothbad)'].map(battle);
    const pairs = ppePreference.load(rows(winners, 'test'));
    expect(pairs.map(({ id, gold }) => [id, gold])).toEqual([
      ['model_a', 'first'],
      ['model_b', 'second'],
    ]);
    expect(() => ppePreference.load(rows([battle('model_c')], 'test'))).toThrow(/has the winner "model_c"/);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { finalAnswer } from './final.ts';
import { sameAnswer } from './same.ts';

const data = new URL('../../../shared/data/', import.meta.url);
const lines = (path: string) =>
  readFileSync(new URL(path, data), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe.runIf(existsSync(data))('on published answers', () => {
  it('agrees with all 5,276 labels of the GSM8K solutions', () => {
    const models = ['6b_finetuning', '6b_verification', '175b_finetuning', '175b_verification'];
    const results = lines('GSM8K/example_model_solutions.jsonl').flatMap((row) =>
      models.map((model) => ({
        published: row[model].is_correct,
        ours: sameAnswer(finalAnswer(row[model].solution), finalAnswer(row.ground_truth)),
      })),
    );
    expect(results).toHaveLength(5276);
    expect(results.filter(({ published, ours }) => published !== ours)).toEqual([]);
  });

  it('knows every answer of MATH in other spellings, and from the answers of other problems', () => {
    const answers: string[] = lines('MATH/train-4500.jsonl').map(
      ({ solution }) => finalAnswer(solution) ?? '',
    );
    const spellings: ((answer: string) => string)[] = [
      (answer) => `$ ${answer} $.`,
      (answer) => answer.replaceAll(/\\[dtc]?frac/g, '\\tfrac'),
      (answer) => answer.replaceAll('\\left', '').replaceAll('\\right', ''),
      (answer) => answer.replaceAll('-', '−').replaceAll('\\pi', 'π '),
      (answer) => answer.replaceAll(/\\sqrt ?(\d)/g, '\\sqrt{$1}').replaceAll('+', ' + '),
    ];
    const unequal = answers.flatMap((answer) =>
      spellings
        .map((spell) => [answer, spell(answer)])
        .filter(([a, b]) => sameAnswer(a as string, b as string) !== true),
    );
    expect(unequal).toEqual([]);

    // Plain numbers tell apart exactly; each is compared with the next of the sorted list.
    const numbers = [...new Set(answers.filter((answer) => /^-?\d+(?:\.\d+)?$/.test(answer)).map(Number))];
    for (const [i, number] of numbers.entries())
      expect(sameAnswer(String(number), String(numbers[i + 1] ?? 'x'))).toBe(false);
    const fractions = [...new Set(answers.filter((answer) => /^-?\\d?frac\{\d+\}\{\d+\}$/.test(answer)))];
    const value = (answer: string) => {
      const [, n, d] = /(\d+)\}\{(\d+)/.exec(answer) as unknown as [string, string, string];
      return (answer.startsWith('-') ? -1 : 1) * (Number(n) / Number(d));
    };
    for (const a of fractions.slice(0, 200))
      for (const b of fractions.slice(0, 200)) expect(sameAnswer(a, b)).toBe(value(a) === value(b));
  });
});

import { Tokenizer } from '@huggingface/tokenizers';
import { expect, test } from 'vitest';
import { parseThought } from '../prompts/judge.ts';
import { parseModify } from '../prompts/modify.ts';
import { parsePlan } from '../prompts/plan.ts';
import { random, shuffle } from '../random.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import { execute } from './execution.ts';
import { FAMILIES, isCorrect } from './families.ts';
import { HABITS, planOf } from './habits.ts';
import { oraclePair } from './pair.ts';
import { splitOf } from './split.ts';
import { DECIDING_TOKENS, exampleOf, seedExample } from './teacher.ts';
import { tokenizerConfig, tokenizerJson } from './tokenizer.ts';

const tokenizer = new Tokenizer(tokenizerJson(), tokenizerConfig());
const LONGEST = 224; // tokens of prompt and completion

test('examples are short, one token per word, and of the seed split', () => {
  const next = random(11);
  for (let i = 0; i < 5000; i++) {
    const { prompt, completion } = seedExample(next);
    expect(completion.startsWith(' ')).toBe(true);
    const tokens = tokenizer.tokenize(prompt + completion);
    expect(tokens.length).toBeLessThanOrEqual(LONGEST);
    expect(tokens.filter((token: string) => /^[A-Za-z0-9Ġ]$/.test(token))).toEqual([]);
    const instruction = /^Instruction: (.*?)(?: <|$)/.exec(prompt)?.[1];
    if (instruction !== undefined) expect(splitOf(instruction)).toBe('seed');
  }
});

test('what M0 learns to write, the parsers of the prompts read', () => {
  const next = random(12);
  for (let i = 0; i < 300; i++) {
    const modify = exampleOf('modify', next);
    const { instruction, response } = parseModify(modify.completion) ?? { instruction: '', response: '' };
    expect(isCorrect(instruction, response)).toBe(true);
    expect(splitOf(instruction)).toBe('seed');
    expect(parsePlan(exampleOf('plan', next).completion)).toMatch(/\.$/);
    const thought = exampleOf('judge', next).completion;
    expect(parseThought(thought)?.execution).toMatch(/^<A> .* (?:good|bad)\. <B> .* (?:good|bad)\.$/);
    for (const task of ['execute', 'unplanned', 'direct', 'judge'] as const) {
      expect(['A', 'B']).toContain(parseVerdict(exampleOf(task, next).completion).kind);
    }
  }
});

test('a full plan, or a reference answer, strictly followed, always finds the chosen response', () => {
  const next = random(13);
  const decided = new Set<string>();
  for (let i = 0; i < 2000; i++) {
    const { problem, chosen, rejected } = oraclePair(next, 'test');
    const [a, b] = shuffle(next, [chosen, rejected]) as [string, string];
    for (const kind of ['full', 'reference'] as const) {
      const { text, verdict } = execute(
        planOf(problem, kind, () => 0.999),
        a,
        b,
        next,
        { check: 0, verdict: 0 },
      );
      const [, judgedA, judgedB] = /(good|bad)\. <B> .*(good|bad)\.$/.exec(text) as unknown as string[];
      expect([judgedA, judgedB], `${problem.instruction} ${text}`).toEqual(
        a === chosen ? ['good', 'bad'] : ['bad', 'good'],
      );
      expect(verdict).toBe(a === chosen ? 'A' : 'B');
      decided.add(problem.family);
    }
  }
  expect(decided.size).toBe(FAMILIES.length);
});

test('every family has a habit whose shares add up; deciding tokens are tokens', () => {
  for (const { name } of FAMILIES) {
    const { empty, single, full, reference } = HABITS[name] ?? { empty: 0, single: 0, full: 0, reference: 0 };
    expect(empty + single + full + reference).toBeCloseTo(1);
    expect(full + reference).toBeLessThan(0.4);
  }
  for (const text of DECIDING_TOKENS) {
    expect(tokenizer.encode(text, { add_special_tokens: false }).ids, text).toHaveLength(1);
  }
});

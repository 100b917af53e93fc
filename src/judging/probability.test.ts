import { describe, expect, test } from 'vitest';
import type { TokenLogprob } from '../model.ts';
import { verdictProbability } from './probability.ts';

const generation = (text: string, logprobs: readonly TokenLogprob[]) =>
  ({
    key: 'k',
    text,
    finishReason: 'stop',
    promptTokens: 1,
    completionTokens: logprobs.length,
    logprobs,
  }) as const;
const sure = (token: string): TokenLogprob => ({ token, logprob: 0, top: [] });
/** A letter with probability 0.6, beside the other one with 0.2. */
const letter = (a: string, b: string): TokenLogprob => ({
  token: a,
  logprob: Math.log(0.6),
  top: [
    { token: a, logprob: Math.log(0.6) },
    { token: b, logprob: Math.log(0.2) },
  ],
});

describe('the probability of a verdict’s letter', () => {
  test.each<[string, string, readonly TokenLogprob[]]>([
    ['a token of its own', 'so [[A]]', [sure('so'), sure(' [['), letter('A', 'B'), sure(']]')]],
    ['part of a token', 'so [[A]]', [sure('so '), letter('[[A', '[[B'), sure(']]')]],
    [
      'the whole marker, and the end’s sign behind it',
      'so[[A]]',
      [sure('so'), letter('[[A]]', '[[B]]'), sure('</s>')],
    ],
    ['a space that the text has lost', 'so [[A]]', [sure(' so'), sure(' [['), letter('A', 'B'), sure(']]')]],
    [
      'a character in pieces before it',
      '✓ [[A]]',
      [sure('\ufffd'), sure('\ufffd\ufffd'), sure(' [['), letter('A', 'B'), sure(']]')],
    ],
    [
      'words behind it',
      '[[A]] as A wins',
      [sure('[['), letter('A', 'B'), sure(']]'), sure(' as A'), sure(' wins')],
    ],
  ])('%s', (_, text, logprobs) => {
    const of = generation(text, logprobs);
    const at = text.indexOf('[[') + 2;
    expect(verdictProbability(of, at, 'ab')).toBeCloseTo(0.75);
    expect(verdictProbability(of, at, 'ba')).toBeCloseTo(0.25);
  });

  test.each<[string, number, readonly number[], number | null]>([
    ['the chosen letter alone', 0.9, [], null],
    ['one letter, the other may have a third', 0.4, [0.3], null],
    ['one letter, the least alternative has next to nothing', 0.98, [0.01, 0.001], 1],
    ['one letter, next to nothing is left', 0.6, [0.399], 1],
  ])('with %s', (_, chosen, others, expected) => {
    const top = [chosen, ...others].map((p, i) => ({
      token: i === 0 ? 'A' : `other ${i}`,
      logprob: Math.log(p),
    }));
    const shown = others.length === 0 ? [] : top;
    const of = generation('A', [{ token: 'A', logprob: Math.log(chosen), top: shown }]);
    expect(verdictProbability(of, 0, 'ab')).toBe(expected);
  });

  test('none where the model gave none, or tokens that are not this text', () => {
    expect(verdictProbability(generation('[[A]]', []), 2, 'ab')).toBeNull();
    expect(verdictProbability(generation('[[A]]', [sure('other'), sure(' words')]), 2, 'ab')).toBeNull();
  });

  test('is found by reading each token a fixed number of times', () => {
    let reads = 0;
    const counted = (token: TokenLogprob): TokenLogprob => ({
      ...token,
      get token() {
        reads++;
        return token.token;
      },
    });
    const logprobs = [letter('A', 'B'), ...Array.from({ length: 20_000 }, () => sure(' so'))];
    const of = generation(logprobs.map(({ token }) => token).join(''), logprobs.map(counted));
    expect(verdictProbability(of, 0, 'ab')).toBeCloseTo(0.75);
    expect(verdictProbability(of, of.text.length - 1, 'ab')).toBeNull();
    expect(reads).toBeLessThan(10 * logprobs.length);
  });
});

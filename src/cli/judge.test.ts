import { expect, test } from 'vitest';
import type { ResponsePair } from '../types.ts';
import { agreed, judgmentText, readJudgment } from './judge.ts';

const thought = (verdict: string) => ` <plan> Check. </plan> <exec> looked </exec> ${verdict}`;
const ended = (text: string) => ({ text, finishReason: 'stop' as const });
const pair: ResponsePair = {
  id: '',
  domain: 'general',
  family: '',
  instruction: 'x',
  chosen: 'one',
  rejected: 'two',
  provenance: {},
};

test('a verdict names a slot; the winner is the response that lies in it', () => {
  expect(readJudgment('ab', ended(thought('[[A]]')))).toMatchObject({
    verdict: 'A',
    winner: 'A',
    plan: 'Check.',
  });
  expect(readJudgment('ba', ended(thought('[[A]]')))).toMatchObject({ verdict: 'A', winner: 'B' });
  expect(readJudgment('ba', ended(thought('[[B]]')))).toMatchObject({ verdict: 'B', winner: 'A' });
});

test('both orders have to name the same response', () => {
  const orders = (ab: string, ba: string) => [readJudgment('ab', ended(ab)), readJudgment('ba', ended(ba))];
  expect(agreed(orders(thought('[[A]]'), thought('[[B]]')))).toBe('A');
  expect(agreed(orders(thought('[[A]]'), thought('[[A]]')))).toBeNull();
  expect(agreed(orders(thought('[[A]]'), 'nothing'))).toBeNull();
});

test('what was cut or names no verdict is said so, never guessed', () => {
  const cut = readJudgment('ab', { text: thought('[[A]]'), finishReason: 'length' });
  expect(cut).toMatchObject({ verdict: 'truncated', winner: null });
  const shown = judgmentText({ winner: null, orders: [cut] }, pair);
  expect(shown).toContain('none: the output was cut at --max-tokens');
  expect(shown).toContain('No verdict.');
  expect(judgmentText({ winner: null, orders: [readJudgment('ab', ended('hm'))] }, pair)).toContain(
    'output     hm\n  verdict    none: the output names no verdict',
  );
});

test('nothing that a model or a response holds reaches the terminal as a command', () => {
  const hostile = 'a\x1b[2J\x1b]0;title\x07b\r\x9bc\u202ed';
  const orders = [readJudgment('ab', ended(` <plan> ${hostile} </plan> <exec> ${hostile} </exec> [[A]]`))];
  const shown = judgmentText({ winner: 'A', orders }, { ...pair, chosen: hostile });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
  expect(shown).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
});

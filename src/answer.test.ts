import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finalAnswer, sameAnswer } from './answer.ts';

describe('finalAnswer', () => {
  it.each<[string, string | null]>([
    ['7 + 4 = 11. So 11.', '11'],
    ['So 3. So 4', '4'],
    ['So -5.', '-5'],
    ['So 2.50', '2.50'],
    ['So 12.', '12'],
    ['So 007', '007'],
    ['\nSo 8\n', '8'],
    // No final answer.
    ['', null],
    ['11', null],
    ['So it is 11', null],
    ['So  11', null],
    ['so 11', null],
    ['ESo 11', null],
    ['So 11 or so. So what?', '11'],
  ])('%j', (text, expected) => expect(finalAnswer(text)).toBe(expected));

  it('is the last number that was concluded, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (text, number) => {
        expect(finalAnswer(`${text} So ${number}.`)).toBe(String(number));
      }),
    );
  });
});

describe('sameAnswer', () => {
  it('compares numbers, not their spelling; what is no answer equals nothing', () => {
    expect(sameAnswer('7', '7.0')).toBe(true);
    expect(sameAnswer('007', '7')).toBe(true);
    expect(sameAnswer('-0', '0')).toBe(true);
    expect(sameAnswer('7', '8')).toBe(false);
    expect(sameAnswer('0.1', '0.10000001')).toBe(false);
    expect(sameAnswer(null, null)).toBe(false);
    expect(sameAnswer('0', null)).toBe(false);
    expect(sameAnswer(null, '0')).toBe(false);
    expect(sameAnswer('0', '')).toBe(false);
    expect(sameAnswer('', ' ')).toBe(false);
  });
});

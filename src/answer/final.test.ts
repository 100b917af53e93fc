import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finalAnswer } from './final.ts';

describe('finalAnswer', () => {
  it.each<[string, string | null]>([
    ['7 + 4 = 11. So 11.', '11'],
    ['So 3. So 4', '4'],
    ['So -5.', '-5'],
    ['So 2.50', '2.50'],
    ['So 007', '007'],
    ['So 11 or so. So what?', '11'],
    // A box wins over everything, the last one over the others.
    ['\\boxed{1} … so 2. The answer is $\\boxed{\\frac{3}{4}}$.', '\\frac{3}{4}'],
    ['\\boxed{\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}} So 3', '\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}'],
    ['\\boxed{ \\{1, 2\\} }', '\\{1, 2\\}'],
    ['\\fbox{7}', '7'],
    ['\\boxed 5', '5'],
    ['She makes 9 * 2 = $<<9*2=18>>18.\n#### 18', '18'],
    ['He pays 12.\nA: 12', '12'],
    ['The answer is 12.5.', '12.5'],
    ['**Final answer:** 3/4', '3/4'],
    ['The answer is: $x = 2$. That was easy.', '$x = 2$'],
    ['Final Answer: The final answer is $28 \\%$. I hope it is correct.', '$28 \\%$'],
    ['My answer is based on facts. The answer is 7 apples.', '7 apples'],
    ['The answer to the question is 5. This answer is right.', '5'],
    ['**Answer**: 5', '5'],
    ['# Answer\n\n42', '42'],
    ['The answer is\n42', '42'],
    ['so $\\boxed{1}$ and $\\boxed{-2}$.', '1, -2'],
    ['\\boxed{(1,2)}, \\boxed{(2,1)}, \\boxed{3}', '(1,2), (2,1), 3'],
    ['\\boxed{5}. Wait, no: \\boxed{6}', '6'],
    ['\\boxed{5} or \\boxed{5}', '5'],
    ['\\boxed{x+11} or \\boxed{11+x}', '11+x'],
    // No final answer, or a cut one.
    ['', null],
    ['11', null],
    ['So it is 11', null],
    ['ESo 11', null],
    ['the box is \\boxed{\\frac{3}{4', null],
    ['\\boxed{}', null],
    ['\\boxed', null],
  ])('%j', (text, expected) => expect(finalAnswer(text)).toBe(expected));

  it('is the last number that was concluded, whatever stands before it', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (text, number) => {
        fc.pre(!/boxed|fbox|answer|####|A:/i.test(text));
        expect(finalAnswer(`${text} So ${number}.`)).toBe(String(number));
      }),
    );
  });

  it('takes what is in the box, and time linear in the text', () => {
    const inner = fc.string().filter((text) => !/[{}\\]/.test(text) && text.trim() !== '');
    fc.assert(
      fc.property(inner, (text) => {
        expect(finalAnswer(`… \\boxed{${text}}`)).toBe(text.trim());
      }),
    );
    expect(finalAnswer('\\boxed{'.repeat(100_000))).toBeNull();
    expect(finalAnswer('answer is '.repeat(100_000))).not.toBeUndefined();
    const heavy = (i: number) =>
      `\\boxed{${Array.from({ length: 60 }, (_, j) => `\\sqrt{${i + j}}`).join(', ')}}`;
    const boxes = Array.from({ length: 300 }, (_, i) => heavy(i));
    expect(`\\boxed{${finalAnswer(boxes.join(' and '))}}`).toBe(heavy(299));
  });
});

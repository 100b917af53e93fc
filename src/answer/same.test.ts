import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameAnswer } from './same.ts';

describe('sameAnswer', () => {
  it.each<[string, string]>([
    // Numbers in their usual forms.
    ['7', '7.0'],
    ['007', '7'],
    ['-0', '0'],
    ['.5', '1/2'],
    ['0.5', '\\frac12'],
    ['\\dfrac{3}{4}', '\\frac{6}{8}'],
    ['½', '0.5'],
    ['1\\frac{9}{10}', '1.9'],
    ['33 1/3', '\\frac{100}{3}'],
    ['−3', '-3'],
    ['25,\\!972,\\!650', '25972650'],
    ['$115,000', '\\$115{,}000'],
    ['3.2 \\times 10^5', '320000'],
    ['10^{-2}', '0.01'],
    ['\\text{13}', '13'],
    ['twelve', '12'],
    ['5.', '5'],
    ['200!', '200 \\cdot 199!'],
    // Percentages, units, currency, angles, bases.
    ['65\\%', '65'],
    ['65%', '0.65'],
    ['$1.25', '1.25'],
    ['17\\text{ meters}', '17'],
    ['90\\text{ square\nunits}', '90'],
    ['12 apples', '12'],
    ['5 cm^2', '5'],
    ['60^\\circ', '60'],
    ['60°', '\\frac{\\pi}{3}'],
    ['1101_2', '1101_{2}'],
    ['11_2', '3_4'],
    // Radicals, π, i, functions.
    ['\\frac{1}{\\sqrt{3}}', '\\frac{\\sqrt3}{3}'],
    ['2\\sqrt{3}', '\\sqrt{12}'],
    ['\\sqrt[3]{-8}', '-2'],
    ['\\frac{3}{4}\\pi', '\\frac{3\\pi}{4}'],
    ['2π', '\\pi+\\pi'],
    ['(1+i)^2', '2i'],
    ['\\cos 60^\\circ', '\\frac12'],
    ['\\sin^2 x + \\cos^2 x', '1'],
    ['\\log_{}', '\\log_{}'],
    ['|{-3}|', '3'],
    // Algebra.
    ['1/2 x', 'x/2'],
    ['(x+1)^2', 'x^2+2x+1'],
    ['x^2y', 'yx^2'],
    ['7p+4e', '4e + 7p'],
    ['ab^2', 'b \\cdot a \\cdot b'],
    ['3 - 2f(x)', '-2f(x)+3'],
    ['x_1 + x_2', 'x_2+x_{1}'],
    ['2^{3^2}', '512'],
    // Equations and inequalities.
    ['x = 5', '5'],
    ['y = 2x + 1', '2x+1'],
    ['10x - 4y = 20', '5x = 2y + 10'],
    ['x \\ge 3', '[3, \\infty)'],
    ['2 < x \\le 7', '(2,7]'],
    ['x > 3', '-x < -3'],
    ['x \\in [1,2]', '[1,2]'],
    // Tuples, intervals, sets, lists, unions, matrices, ratios.
    ['(1, 2)', '\\left(1,\\frac{4}{2}\\right)'],
    ['(1,2]', '(1, 2.0]'],
    ['\\{1,2,3\\}', '3, 2, 1'],
    ['1,-2', '-2 and 1'],
    ['1 \\pm \\sqrt 2', '1-\\sqrt{2}, 1+\\sqrt{2}'],
    ['\\pm 3', '-3, 3'],
    ['x = 1, 2', '2, 1'],
    ['(-\\infty,-7) \\cup (1,2)', '(1,2)\\cup(-\\infty,-7)'],
    ['\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}', '\\begin{bmatrix}1&2\\\\3&\\frac82\\end{bmatrix}'],
    ['\\begin{pmatrix} 2 \\\\ -1 \\end{pmatrix}', '(2,-1)'],
    ['1:2', '2:4'],
    ['1:2', '\\frac12'],
    // Words and choice letters.
    ['\\text{even}', 'Even'],
    ['\\text{(B)}', 'B'],
    ['(C)', '\\text{C}'],
    ['\\text{B, E, G}', '\\text{B,E,G}'],
    // As graders of MATH meet them.
    ['10\\,000', '10000'],
    ['1 000 000', '1,000,000'],
    ['11,\\! 111,\\! 100', '11111100'],
    ['6.02e23', '6.02 \\times 10^{23}'],
    ['0.\\overline{3}', '\\frac13'],
    ['0.1\\overline{6}', '1/6'],
    ['0.333...', '1/3'],
    ['-1\\frac12', '-1.5'],
    ['1 123/456', '\\frac{579}{456}'],
    ['x<=2', 'x \\le 2'],
    ['x != 2', 'x \\neq 2'],
    ['x \\approx 11', '11'],
    ['x = 1/3 \\approx 0.33', '1/3'],
    ['\\(5\\)', '5'],
    ['`5`', '5'],
    ['\\left.\\frac12\\right.', '0.5'],
    ['\\sqrt[3]{x}^2', 'x^{2/3}'],
    ['\\sin 2x', '2\\sin x\\cos x'],
    ['\\sin 2x', '2\\sin x \\cdot \\cos x'],
    ['\\log_2 8', '3'],
    ['\\log_{10} 100', '2'],
    ['\\binom{5}{2}', '10'],
    ['1-\\frac{1}{\\mathrm{e}}', '1-1/e'],
    ['3+4\\mathrm{i}', '4i+3'],
    ['f(x)=x^2', 'x^2'],
    ['f(x)=2x+1', 'y=2x+1'],
    ['AB = 5', '5'],
    ['|AB| = 5', '5'],
    ['\\angle ABC = 60^\\circ', '60^\\circ'],
    ['P(A) = \\frac12', '0.5'],
    ['(x,y)=(3,4)', '(3,4)'],
    ['x=3, y=4', '(3,4)'],
    ['A = \\begin{pmatrix}1&2\\end{pmatrix}', '\\begin{pmatrix}1&2\\end{pmatrix}'],
    ['V_{1}:V_{2} = 11:21', '11:21'],
    ['D = [0, 1)', '[0,1)'],
    ['\\left[\\begin{array}{cc}1&2\\\\3&4\\end{array}\\right]', '\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}'],
    ['{1,2}', '\\{2,1\\}'],
    ['[1; 2]', '[1,2]'],
    ['(12,102)', '(12, 102)'],
    ['100,200,300', '100, 200, 300'],
    ['(2, 12) \\cup (12, 102)', '(2,12)\\cup(12,102)'],
    ['\\emptyset', '\\varnothing'],
    ['no solution', '\\text{No real solution}'],
    ['no solution', '\\emptyset'],
    ['\\textbf{(A) }5', 'A'],
    ['\\textbf{(A) }5', '5'],
    ['(A) 5', '(A) five'],
    ['12:00', '12:00'],
    // Too large to compute, but spelled alike.
    ['9^{9^{9^9}}', '9^{9^{9^{9}}}'],
  ])('%j is %j', (a, b) => {
    expect(sameAnswer(a, b)).toBe(true);
    expect(sameAnswer(b, a)).toBe(true);
  });

  it.each<[string | null, string | null]>([
    ['7', '8'],
    ['0.1', '0.10000001'],
    ['0.333', '1/3'],
    ['1.414', '\\sqrt2'],
    ['\\frac{1}{2}', '\\frac{2}{1}'],
    ['1,234', '1,235'],
    ['65\\%', '66'],
    ['(1,2)', '(2,1)'],
    ['(1,2)', '[1,2]'],
    ['(1,2)', '(1,2,3)'],
    ['\\{1,2\\}', '\\{1,2,2\\}'],
    ['1, 2', '1, 3'],
    ['x+1', 'x-1'],
    ['x^2', 'x^3'],
    ['x', 'y'],
    ['x > 3', 'x < 3'],
    ['x \\ge 3', '(3,\\infty)'],
    ['y = 2x', 'y = 3x'],
    ['\\infty', '-\\infty'],
    ['\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}', '(2,1)'],
    ['1:2', '2:1'],
    ['\\text{even}', '\\text{odd}'],
    ['\\text{(A)}', 'B'],
    ['\\text{Monday}', '5'],
    ['11_2', '11_3'],
    ['12:00', '1:00'],
    ['10^{-2}', '0'],
    ['(x,y)=(3,4)', '(4,3)'],
    ['x=3, y=4', '(4,3)'],
    ['f(x)=x^2', 'x^3'],
    ['f(x)=x^2', 'y=x^3'],
    ['AB = 5', '6'],
    ['x+y=7', '8'],
    ['0.\\overline{3}', '0.3'],
    ['0.\\overline{3}', '\\frac{3}{10}'],
    ['\\log_2 8', '\\log_3 8'],
    ['\\log_2 8', '\\log 8'],
    ['\\binom52', '\\frac52'],
    ['\\binom{5}{2}', '\\binom{5}{1}'],
    ['\\sqrt{x^2}', 'x'],
    ['x != 2', 'x = 2'],
    ['\\emptyset', '0'],
    ['no solution', '0'],
    ['no', 'no solution'],
    ['\\textbf{(A) }5', '\\textbf{(B) }5'],
    ['\\textbf{(A) }5', 'B'],
    ['D = (0, 1)', '(0, 1.5)'],
    ['10\\,000', '1000'],
    ['100,200', '100'],
    ['\\frac{22}{7}', '\\pi'],
    ['x^{2/3}', '\\sqrt[3]{x}'],
    ['1,234', '1,235, 2'],
    [null, null],
    ['0', null],
    ['0', ''],
    ['', ' '],
  ])('%j is not %j', (a, b) => {
    expect(sameAnswer(a, b)).toBe(false);
    expect(sameAnswer(b, a)).toBe(false);
  });

  it.each<[string, string]>([
    ['9^9^9^9', '9^9^9^9+1'],
    ['x^{1000000}', 'x^{1000001}'],
    ['10^{-400}', '0'],
    ['10^{-400}', '10^{-401}'],
    ['0.0833333333333333', '\\frac{1}{12}'],
    ['3.14159265', '\\pi'],
    ['10:15', '12:18'],
    ['11:21', '22:42'],
    ['3, 4', '(3,4)'],
    ['x+y=7', '7'],
    ['\\frac15\\begin{pmatrix}5\\\\10\\end{pmatrix}', '\\begin{pmatrix}1\\\\2\\end{pmatrix}'],
    ['AB = 5', 'CD = 5'],
    ['x \\ne 2', '(-\\infty,2)\\cup(2,\\infty)'],
    ['1/0', '2/0'],
    ['3032_5', '3032'],
    ['5 apples', '5 oranges'],
    ['1 \\text{ m}', '100 \\text{ cm}'],
    ['\\int_0^1 x dx', '\\frac12'],
    ['1/'.repeat(2000), '1'],
  ])('%j and %j: undecided', (a, b) => expect(sameAnswer(a, b)).toBe('undecided'));

  const repeated = (n: number, item: (i: number) => string, joint: string) =>
    Array.from({ length: n }, (_, i) => item(i)).join(joint);
  it.each<[string, string, string]>([
    ['a tower of powers', '9^9^9^9', '9^9^9^8'],
    ['factorials of factorials', '((((((9!)!)!)!)!)!)!', '2'],
    ['a large power', '2^{99999999}', '3^{99999999}'],
    ['a large binomial', '\\binom{999999}{500000}', '1'],
    ['deep brackets', '('.repeat(1900), '1'],
    ['deep roots', `${'\\sqrt{'.repeat(280)}2${'}'.repeat(280)}`, '1'],
    ['many fractions', repeated(280, (i) => `1/${i + 101}`, '+'), '1'],
    ['long lists', repeated(60, (i) => `x^${i}+1`, ','), repeated(60, (i) => `x^${i + 1}+1`, ',')],
    [
      'lists of lists',
      repeated(30, (i) => `{${repeated(28, (j) => `${(i + j) % 9}`, ',')}}`, ','),
      repeated(30, (i) => `{${repeated(28, (j) => `${(i * j) % 9}`, ',')}}`, ','),
    ],
    ['long numbers', '9'.repeat(1999), `${'9'.repeat(1998)}8`],
    ['groups of thousands', `${'100 '.repeat(480)}/`, '1'],
    ['names', `${'x='.repeat(900)}1`, '2'],
    ['bases that are none', '3032_5', '5_2303'],
    ['binomials of binomials', `${'\\binom{9}{'.repeat(120)}2${'}'.repeat(120)}`, '1'],
    [
      'equations of factorials',
      repeated(49, (i) => `f(x)=${repeated(10, (j) => `${i + j}!`, '+')}`, ','),
      repeated(49, (i) => `f(x)=${repeated(10, (j) => `${i + j}!`, '+')}`, ', '),
    ],
    [
      'what is not finite',
      repeated(50, (i) => `${i}\\infty\\%`, ' or '),
      `${repeated(50, (i) => `${i}\\infty\\%`, ' or ')}+0`,
    ],
    ['signs that grow when they are read', '½+'.repeat(999), '½-'.repeat(999)],
  ])('%s: an answer both ways, whatever it is', (_, a, b) => {
    // Nothing waits in here: an endless one would end the test.
    const answer = sameAnswer(a, b);
    expect([true, false, 'undecided']).toContain(answer);
    expect(sameAnswer(b, a)).toBe(answer);
  });

  it('long lists are compared whole', () => {
    for (const item of [(i: number) => `${7 * i}`, (i: number) => `${i}/97`, (i: number) => `\\sqrt{${i}}`]) {
      const items = Array.from({ length: 25 }, (_, i) => item(i + 1));
      expect(sameAnswer(items.join(', '), items.toReversed().join(', '))).toBe(true);
      expect(sameAnswer(items.join(', '), items.with(3, '1000').toReversed().join(', '))).toBe(false);
    }
  });

  it('holds for rational numbers in any spelling', () => {
    const part = fc.integer({ min: -10_000, max: 10_000 });
    fc.assert(
      fc.property(part, part.filter(Boolean), part.filter(Boolean), (n, d, k) => {
        expect(sameAnswer(`${n}/${d}`, `\\frac{${n * k}}{${d * k}}`)).toBe(true);
        expect(sameAnswer(`\\frac{${n}}{${d}}`, `\\frac{${n + 1}}{${d}}`)).toBe(false);
      }),
    );
  });

  it('never throws, is symmetric, and is reflexive, whatever it is given', () => {
    const piece = fc.constantFrom(
      ...'( ) [ ] { } \\{ \\} , ; : = < ^ _ / * + - ! | % $ & \\\\ 1 23 4.5 x ab sin \\frac \\sqrt \\pm \\pi \\text{ and \\begin{pmatrix} \\end{pmatrix} ∞ ½'.split(
        ' ',
      ),
    );
    const answer = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(' ')),
    );
    fc.assert(
      fc.property(answer, answer, (a, b) => {
        expect(sameAnswer(a, b)).toBe(sameAnswer(b, a));
        if (a.trim()) expect(sameAnswer(a, a)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

import { expect, it } from 'vitest';
import { oddities } from './oddities.ts';

const unit = (id: string, section = 's', responses = ['a', 'b']) => ({ id, section, responses });

it('names ids that stand twice, blank responses and ones that are the same', () => {
  expect(oddities([unit('1'), unit('2')])).toEqual([]);
  expect(
    oddities([
      unit('1'),
      unit('1'),
      ...['2', '3', '4', '5'].map((id) => unit(id, 's', ['a', ' '])),
      unit('6', 's', ['a', 'a']),
    ]),
  ).toEqual([
    'ids that stand more than once, whose n-th verdict belongs to their n-th row (1): 1',
    'rows with a blank response (4): 2, 3, 4 and 1 more',
    'rows with the same response twice, so that a judge can only guess (1): 6',
  ]);
});

it('names sections that have grown over the version they fit best', () => {
  const versions = [
    { math: 2, code: 1 },
    { math: 1, code: 1 },
  ];
  const [m, c] = [unit('1', 'math'), unit('2', 'code')];
  const some = (...units: (typeof m)[]) => units.map((own, i) => ({ ...own, id: String(i) }));
  expect(oddities(some(m, c), versions)).toEqual([]);
  expect(oddities(some(m, m, c), versions)).toEqual([]);
  expect(oddities(some(m, m, c, c), versions)).toEqual([
    'more than was published, so not comparable with published scores: code 2 in place of 1',
  ]);
  expect(oddities(some(m, unit('3', 'new')), versions)[0]).toMatch(/new 1 in place of 0/);
});

import { expect, test } from 'vitest';
import { editDistance, similarWord } from './similar.ts';

test.each([
  // Textbook cases of Levenshtein's and Damerau's distances.
  ['kitten', 'sitting', 3],
  ['flaw', 'lawn', 2],
  ['ca', 'ac', 1],
  ['', 'abc', 3],
  ['same', 'same', 0],
])('%s and %s are %i apart', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test('the nearest known word, and none for something else', () => {
  const known = ['seed', 'sources', 'rounds', 'learningRate', 'batchSize'];
  expect(similarWord('sed', known)).toBe('seed');
  expect(similarWord('source', known)).toBe('sources');
  expect(similarWord('learning_rate', known)).toBe('learningRate');
  expect(similarWord('batchsize', known)).toBe('batchSize');
  expect(similarWord('temperature', known)).toBeNull();
});

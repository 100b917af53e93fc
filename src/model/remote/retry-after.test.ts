import { expect, test } from 'vitest';
import { retryAfter } from './retry-after.ts';

// RFC 9110, 5.6.7: its own examples of the three forms of a date.
const NOW = Date.UTC(1994, 10, 6, 8, 49, 0);

test.each<readonly [Record<string, string>, number | undefined]>([
  [{ 'retry-after': '120' }, 120_000],
  [{ 'retry-after': ' 0 ' }, 0],
  [{ 'retry-after': '0.5' }, 500],
  [{ 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }, 37_000],
  [{ 'retry-after': 'Sunday, 06-Nov-94 08:49:37 GMT' }, 37_000],
  [{ 'retry-after': 'Sun, 06 Nov 1994 08:00:00 GMT' }, 0],
  [{ 'retry-after-ms': '250', 'retry-after': '1' }, 250],
  [{ 'retry-after-ms': 'soon', 'retry-after': '1' }, 1000],
  [{ 'retry-after': '-5' }, undefined],
  [{ 'retry-after': 'later' }, undefined],
  [{ 'retry-after': '' }, undefined],
  [{}, undefined],
])('%j is %s ms', (headers, wait) => {
  expect(retryAfter((name) => headers[name], NOW)).toBe(wait);
});

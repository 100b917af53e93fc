import { expect, test } from 'vitest';
import { type Ending, endingOf } from './finish-reason.ts';

test.each<[string, Ending | undefined]>([
  ['STOP', 'stop'],
  ['FinishReason.STOP', 'stop'],
  ['FINISH_REASON_STOP', 'stop'],
  ['REASON_MAX_LEN', 'length'],
  ['finish_reason_max_tokens', 'length'],
  ['FINISH_REASON_SAFETY', 'refused'],
  ['content_filter: RECITATION', 'refused'],
  ['FINISHED', 'stop'],
  ['ERROR_LIMIT', 'length'],
  ['TOKEN_LIMIT', 'length'],
  ['TIME_LIMIT', 'interrupted'],
  ['USER_CANCEL', 'interrupted'],
  ['NOT_FINISHED', 'interrupted'],
  ['end turn', 'stop'],
  ['Max-Tokens', 'length'],
  // Told by the length.
  ['FINISH_REASON_UNSPECIFIED', undefined],
  ['OTHER', undefined],
  ['null', undefined],
  ['', undefined],
  ['constructor', undefined],
])('%s', (word, ending) => expect(endingOf(word)).toBe(ending));

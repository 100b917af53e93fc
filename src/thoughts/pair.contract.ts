import type { ResponsePair } from '../types.ts';

/** A pair to think about, for tests. */
export const pair: ResponsePair = {
  id: 'x',
  domain: 'general',
  family: 'list',
  instruction: 'List 2.',
  chosen: 'good',
  rejected: 'bad',
  provenance: {},
};

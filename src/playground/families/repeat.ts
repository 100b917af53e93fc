import { integer, pick } from '../../random.ts';
import { NOUNS } from '../words.ts';
import { another, type Body } from './general.ts';

interface Spec {
  readonly word: string;
  readonly count: number;
}

const COUNTS = [2, 3, 4, 5, 6];

/** "Repeat the word horse 4 times." */
export const repeat: Body<Spec> = {
  name: 'repeat',
  sample: (random) => ({ word: pick(random, NOUNS), count: integer(random, 2, 6) }),
  text: ({ word, count }) => [
    `Repeat the word ${word} ${count} times.`,
    `Write the word ${word} ${count} times.`,
  ],
  parse(text) {
    const [, word, count] = /^(?:Repeat|Write) the word (\w+) (\d) times\.$/.exec(text) ?? [];
    if (word === undefined || !NOUNS.includes(word) || !COUNTS.includes(Number(count))) return null;
    return { word, count: Number(count) };
  },
  modify: (spec, random) =>
    random() < 0.5
      ? { ...spec, count: another(COUNTS, spec.count, random) }
      : { ...spec, word: another(NOUNS, spec.word, random) },
  answer: ({ word, count }) => Array.from({ length: count }, () => word),
  checks: ({ word, count }) => [
    { kind: 'count', count },
    { kind: 'word', word },
  ],
};

import { integer, pick, type Random, shuffle } from '../../random.ts';
import { CATEGORIES, CATEGORY_NAMES, type Category, LETTERS, NOUNS } from '../words.ts';
import { another, type Body } from './general.ts';

type Spec = { readonly count: number } & (
  | { readonly category: Category; readonly letter?: never }
  | { readonly letter: string; readonly category?: never }
);

const COUNTS = [2, 3, 4, 5];

/** "List 3 animals." and "List 4 words that start with b." */
export const list: Body<Spec> = {
  name: 'list',
  sample(random) {
    const count = integer(random, 2, 5);
    return random() < 0.4
      ? { count, category: pick(random, CATEGORY_NAMES) }
      : { count, letter: pick(random, LETTERS) };
  },
  text(spec) {
    const what = spec.category ? `${spec.category}s` : `words that start with ${spec.letter}`;
    return [`List ${spec.count} ${what}.`, `Name ${spec.count} ${what}.`];
  },
  parse(text) {
    const match = /^(?:List|Name) (\d) (?:words that start with (\w)|(\w+)s)\.$/.exec(text);
    if (match === null) return null;
    const [, digit, letter, category] = match;
    const count = Number(digit);
    if (!COUNTS.includes(count)) return null;
    if (letter !== undefined) return LETTERS.includes(letter) ? { count, letter } : null;
    return CATEGORY_NAMES.includes(category as Category) ? { count, category: category as Category } : null;
  },
  modify(spec, random) {
    if (random() < 0.5) return { ...spec, count: another(COUNTS, spec.count, random) };
    if (spec.category) return { count: spec.count, category: another(CATEGORY_NAMES, spec.category, random) };
    return { count: spec.count, letter: another(LETTERS, spec.letter as string, random) };
  },
  answer: (spec, random: Random) => shuffle(random, allowed(spec)).slice(0, spec.count),
  accepts: (spec, items) =>
    items.length === spec.count &&
    new Set(items).size === items.length &&
    items.every((item) => allowed(spec).includes(item)),
  checks: (spec) => [
    spec.category
      ? { kind: 'category', category: spec.category }
      : { kind: 'letter', letter: spec.letter as string },
    { kind: 'count', count: spec.count },
  ],
};

function allowed(spec: Spec): readonly string[] {
  return spec.category
    ? CATEGORIES[spec.category]
    : NOUNS.filter((noun) => noun.startsWith(spec.letter as string));
}

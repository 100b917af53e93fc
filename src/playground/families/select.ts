import { integer, pick, type Random, shuffle } from '../../random.ts';
import { CATEGORIES, CATEGORY_NAMES, type Category, categoryOf, words } from '../words.ts';
import { another, type Body } from './general.ts';

interface Spec {
  readonly category: Category;
  readonly list: readonly string[];
}

/** "Pick the animals from dog red fox hammer.": 4 to 6 distinct words, at least one wanted and one other. */
export const select: Body<Spec> = {
  name: 'select',
  sample(random) {
    const category = pick(random, CATEGORY_NAMES);
    const length = integer(random, 4, 6);
    const wanted = integer(random, 1, 3);
    const others = CATEGORY_NAMES.filter((name) => name !== category).flatMap((name) => CATEGORIES[name]);
    for (;;) {
      const chosen = shuffle(random, CATEGORIES[category]).slice(0, wanted);
      const list = shuffle(random, [...chosen, ...shuffle(random, others).slice(0, length - wanted)]);
      if (isValid({ category, list })) return { category, list };
    }
  },
  text: ({ category, list }) => [
    `Pick the ${category}s from ${list.join(' ')}.`,
    `Find the ${category}s in ${list.join(' ')}.`,
  ],
  parse(text) {
    const [, category, quoted] = /^(?:Pick|Find) the (\w+)s (?:from|in) (.+)\.$/.exec(text) ?? [];
    if (!CATEGORY_NAMES.includes(category as Category)) return null;
    const spec = { category: category as Category, list: words(quoted as string) };
    return isValid(spec) ? spec : null;
  },
  modify(spec, random) {
    if (random() < 0.5) return { ...spec, category: pick(random, otherCategories(spec)) };
    return withoutOne(spec, random) ?? { ...spec, category: pick(random, otherCategories(spec)) };
  },
  answer: matches,
  checks: (spec) => [
    { kind: 'count', count: matches(spec).length },
    { kind: 'category', category: spec.category },
  ],
};

function matches({ category, list }: Spec): string[] {
  return list.filter((word) => categoryOf(word) === category);
}

/** Categories that could have been asked for instead: one to three words of the list are theirs. */
function otherCategories({ category, list }: Spec): Category[] {
  return CATEGORY_NAMES.filter(
    (name) => name !== category && isWanted(matches({ category: name, list }).length),
  );
}

function isWanted(count: number): boolean {
  return count >= 1 && count <= 3;
}

/** One wanted word replaced by one of another category, so that the right answer is shorter. */
function withoutOne(spec: Spec, random: Random): Spec | null {
  const wanted = matches(spec);
  if (wanted.length < 2) return null;
  const gone = pick(random, wanted);
  const category = another(CATEGORY_NAMES, spec.category, random);
  const word = pick(
    random,
    CATEGORIES[category].filter((noun) => !spec.list.includes(noun)),
  );
  const next = { ...spec, list: spec.list.map((old) => (old === gone ? word : old)) };
  return isValid(next) ? next : null;
}

function isValid(spec: Spec): boolean {
  const { list } = spec;
  if (list.length < 4 || list.length > 6 || new Set(list).size !== list.length) return false;
  if (!list.every((word) => categoryOf(word) !== undefined)) return false;
  return isWanted(matches(spec).length) && otherCategories(spec).length > 0;
}

import { integer, shuffle } from '../../random.ts';
import { NOUNS, words } from '../words.ts';
import { another, type Body } from './general.ts';

interface Spec {
  readonly list: readonly string[];
  readonly backwards: boolean;
}

/** "Write dog hoe red backwards." and "Write dog hoe red in the same order.": 3 to 5 distinct words. */
export const reverse: Body<Spec> = {
  name: 'reverse',
  sample: (random) => ({
    list: shuffle(random, NOUNS).slice(0, integer(random, 3, 5)),
    backwards: random() < 0.5,
  }),
  text({ list, backwards }) {
    const quoted = list.join(' ');
    return backwards
      ? [`Write ${quoted} backwards.`, `Reverse the words ${quoted}.`]
      : [`Write ${quoted} in the same order.`, `Copy the words ${quoted}.`];
  },
  parse(text) {
    const match =
      /^Write (.+) (backwards)\.$/.exec(text) ??
      /^(Reverse) the words (.+)\.$/.exec(text) ??
      /^Write (.+) in the same order\.$/.exec(text) ??
      /^Copy the words (.+)\.$/.exec(text);
    if (match === null) return null;
    const backwards = match.length === 3;
    const list = words((match[1] === 'Reverse' ? match[2] : match[1]) as string);
    const valid = list.length >= 3 && list.length <= 5 && list.every((word) => NOUNS.includes(word));
    return valid && new Set(list).size === list.length ? { list, backwards } : null;
  },
  modify(spec, random) {
    if (random() < 0.5) return { ...spec, backwards: !spec.backwards };
    const list = [...spec.list];
    const at = integer(random, 0, list.length - 1);
    list[at] = another(
      NOUNS.filter((noun) => !spec.list.includes(noun)),
      list[at] as string,
      random,
    );
    return { ...spec, list };
  },
  answer: ({ list, backwards }) => (backwards ? [...list].reverse() : list),
  checks(spec) {
    const answer = spec.backwards ? [...spec.list].reverse() : spec.list;
    return [
      { kind: 'first', word: answer.at(0) as string },
      { kind: 'last', word: answer.at(-1) as string },
      { kind: 'in', words: spec.list },
    ];
  },
};

import { integer, pick, type Random, shuffle } from '../random.ts';
import { segments } from './checks.ts';
import { stepText, value } from './steps.ts';
import { categoryOf, EDGE_WORDS, LETTERS, NOUNS } from './words.ts';

/** Prompts begin with a space so that their first word is one token. */
export interface Drill {
  readonly prompt: string;
  readonly completion: string;
}

/** The small moves that executions are made of, worded as executions word them; [share, drill]. */
const DRILLS: readonly (readonly [number, (random: Random) => Drill])[] = [
  [0.2, compare],
  [0.18, align],
  [0.26, facts],
  [0.1, order],
  [0.08, member],
  [0.07, categories],
  [0.05, letters],
  [0.06, count],
];

export function drill(random: Random): Drill {
  let left = random();
  for (const [share, make] of DRILLS) {
    left -= share;
    if (left < 0) return make(random);
  }
  return compare(random);
}

/** " Compare 7 9. dog dog." -> " 7 is 9 no dog is dog yes." */
function compare(random: Random): Drill {
  const pairs = times(integer(random, 4, 6), () => {
    const left = token(random);
    return [left, random() < 0.5 ? left : neighbour(left, random)] as const;
  });
  return {
    prompt: ` Compare ${pairs.map((pair) => `${pair.join(' ')}.`).join(' ')}`,
    completion: ` ${pairs.map(([l, r]) => `${l} is ${r} ${l === r ? 'yes' : 'no'}`).join(' ')}.`,
  };
}

/** " Match 2 5 9 ok with 2 5 7 ok." -> " 2 is 2 yes 5 is 5 yes 9 is 7 no." */
function align(random: Random): Drill {
  const left = sequence(random, integer(random, 3, 6));
  let right = [...left];
  const change = random();
  const at = integer(random, 0, left.length - 1);
  if (change < 0.25) right[at] = neighbour(left[at] as string, random);
  else if (change < 0.4) right = left.slice(0, -1);
  else if (change < 0.55) right.push(token(random));
  else if (change < 0.7) right.reverse();
  const parts: string[] = [];
  for (const { text, ok } of segments({ kind: 'aligned', words: right }, left.join(' '))) {
    parts.push(`${text} ${ok ? 'yes' : 'no'}`);
    if (!ok) break;
  }
  return { prompt: ` Match ${left.join(' ')} with ${right.join(' ')}.`, completion: ` ${parts.join(' ')}.` };
}

/** " Work 7 + 4. 11 * 2." -> " 7 + 4 = 11. 11 * 2 = 22." */
function facts(random: Random): Drill {
  const list = times(integer(random, 3, 5), () => {
    const kind = random();
    const small = integer(random, 2, 12);
    if (kind < 0.35) return { left: integer(random, 0, 99 - small), op: '+', right: small } as const;
    if (kind < 0.65) return { left: integer(random, small, 99), op: '-', right: small } as const;
    if (kind < 0.72) return { left: pick(random, [50, 90]), op: '-', right: integer(random, 4, 50) } as const;
    if (kind < 0.8) return { left: integer(random, 2, 5), op: '*', right: small } as const;
    const factor = integer(random, 2, 5);
    if (kind < 0.9) {
      const by = factor < 4 ? factor : 2; // doubling and tripling
      return { left: integer(random, 0, Math.floor(99 / by)), op: '*', right: by } as const;
    }
    return { left: factor * integer(random, 1, Math.floor(99 / factor)), op: '/', right: factor } as const;
  });
  return {
    prompt: ` Work ${list.map(({ left, op, right }) => `${left} ${op} ${right}.`).join(' ')}`,
    completion: ` ${list.map((s) => stepText({ ...s, result: value(s.left, s.op, s.right) })).join(' ')}`,
  };
}

/** " Order 2 5. 9 4." -> " 2 5 up 9 4 down." */
function order(random: Random): Drill {
  const pairs = times(integer(random, 4, 6), () => shuffle(random, numbers(random, 2)));
  return {
    prompt: ` Order ${pairs.map((pair) => `${pair.join(' ')}.`).join(' ')}`,
    completion: ` ${pairs.map(([l, r]) => `${l} ${r} ${Number(l) < Number(r) ? 'up' : 'down'}`).join(' ')}.`,
  };
}

/** " Find 5 7 in 2 5 9." -> " 5 yes 7 no." */
function member(random: Random): Drill {
  const list = sequence(random, integer(random, 3, 5));
  const asked = shuffle(random, list)
    .slice(0, integer(random, 2, 4))
    .map((word) => (random() < 0.4 ? neighbour(word, random) : word));
  return {
    prompt: ` Find ${asked.join(' ')} in ${list.join(' ')}.`,
    completion: ` ${asked.map((word) => `${word} ${list.includes(word) ? 'yes' : 'no'}`).join(' ')}.`,
  };
}

function categories(random: Random): Drill {
  const list = shuffle(random, NOUNS).slice(0, integer(random, 4, 6));
  return {
    prompt: ` Category ${list.join(' ')}.`,
    completion: ` ${list.map((word) => `${word} ${categoryOf(word)}`).join(' ')}.`,
  };
}

function letters(random: Random): Drill {
  const list = shuffle(random, NOUNS).slice(0, integer(random, 4, 6));
  return {
    prompt: ` Letter ${list.join(' ')}.`,
    completion: ` ${list.map((word) => `${word} ${word[0]}`).join(' ')}.`,
  };
}

/** " Count dog red ok as 3." -> " dog 1 red 2 ok. 2 is 3 no." */
function count(random: Random): Drill {
  const n = integer(random, 1, 6);
  const word = pick(random, NOUNS);
  const items = random() < 0.4 ? times(n, () => word) : shuffle(random, NOUNS).slice(0, n);
  const all =
    random() < 0.5 ? items : shuffle(random, [0, 1])[0] ? [...items, edge(random)] : [edge(random), ...items];
  const asked = random() < 0.5 ? n : Math.max(1, n + pick(random, [-2, -1, 1, 2]));
  const [found] = segments({ kind: 'count', count: asked }, all.join(' '));
  return {
    prompt: ` Count ${all.join(' ')} as ${asked}.`,
    completion: ` ${found?.text} ${found?.ok ? 'yes' : 'no'}.`,
  };
}

function token(random: Random): string {
  const kind = random();
  if (kind < 0.5) return String(integer(random, 0, 99));
  return kind < 0.75 ? pick(random, NOUNS) : kind < 0.9 ? edge(random) : pick(random, LETTERS);
}

/** Something that could be mistaken for the token. */
function neighbour(word: string, random: Random): string {
  const number = Number(word);
  const like = Number.isInteger(number)
    ? [-10, -3, -2, -1, 1, 2, 3, 10].map((by) => number + by).filter((n) => n >= 0 && n <= 99)
    : [NOUNS, EDGE_WORDS, LETTERS].find((list) => list.includes(word));
  return String(
    pick(
      random,
      (like ?? NOUNS).filter((other) => other !== word),
    ),
  );
}

function sequence(random: Random, length: number): string[] {
  if (random() < 0.5) return numbers(random, length);
  const items = shuffle(random, NOUNS).slice(0, length);
  return random() < 0.5 ? items : [...items.slice(1), edge(random)];
}

/** Distinct numbers, close together or not. */
function numbers(random: Random, length: number): string[] {
  const width = pick(random, [9, 30, 99]);
  const low = integer(random, 0, 99 - width);
  const all = Array.from({ length: width + 1 }, (_, i) => String(low + i));
  return shuffle(random, all).slice(0, length);
}

function edge(random: Random): string {
  return pick(random, EDGE_WORDS);
}

function times<T>(n: number, make: () => T): T[] {
  return Array.from({ length: n }, make);
}

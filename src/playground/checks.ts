import { parseSteps, type Step, value } from './steps.ts';
import { type Category, categoryOf, isEdgeWord, words } from './words.ts';

/** One thing a plan can check. Its text is the plan's sentence; its segments are what an execution writes. */
export type Check =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'category'; readonly category: Category }
  | { readonly kind: 'letter'; readonly letter: string }
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'in'; readonly words: readonly string[] }
  | { readonly kind: 'goes'; readonly direction: 'up' | 'down' }
  | { readonly kind: 'first' | 'last' | 'start' | 'end'; readonly word: string }
  | { readonly kind: 'aligned'; readonly words: readonly string[] }
  | { readonly kind: 'first step' | 'last step' }
  | { readonly kind: 'every step'; readonly steps: readonly Step[] }
  | { readonly kind: 'says'; readonly answer: number };

/** A piece of an execution: what is written before its yes or no; `ok` is null where nothing is decided. */
export interface Segment {
  readonly text: string;
  readonly ok: boolean | null;
}

/** The sentence of a plan that asks for the check. */
export function checkText(check: Check): string {
  switch (check.kind) {
    case 'count':
      return `Check the count is ${check.count}.`;
    case 'category':
      return `Check each is ${check.category}.`;
    case 'letter':
      return `Check each starts with ${check.letter}.`;
    case 'word':
      return `Check each is ${check.word}.`;
    case 'in':
      return `Check each is in ${check.words.join(' ')}.`;
    case 'goes':
      return `Check it goes ${check.direction}.`;
    case 'first':
    case 'last':
    case 'start':
    case 'end':
      return `Check the ${check.kind} is ${check.word}.`;
    case 'aligned':
      return `The answer is ${check.words.join(' ')}.`;
    case 'first step':
    case 'last step':
      return `Check the ${check.kind}.`;
    case 'every step':
      return 'Work out each step.';
    case 'says':
      return `The answer is ${check.answer}.`;
  }
}

/** Everything an execution of the check would write about a response, beyond its first failure too. */
export function segments(check: Check, response: string): Segment[] {
  const all = words(response);
  const items = all.filter((word) => !isEdgeWord(word));
  switch (check.kind) {
    case 'count': {
      let n = 0;
      const quoted = all.map((word) => (isEdgeWord(word) ? word : `${word} ${++n}`)).join(' ');
      return [{ text: `${quoted}. ${n} is ${check.count}`, ok: n === check.count }];
    }
    case 'category':
      return each(all, (word) => [
        `${word} ${categoryOf(word) ?? 'nothing'}`,
        categoryOf(word) === check.category,
      ]);
    case 'letter':
      return each(all, (word) => [`${word} ${word[0]}`, word.startsWith(check.letter)]);
    case 'word':
      return each(all, (word) => [`${word} is ${check.word}`, word === check.word]);
    case 'in':
      return each(all, (word) => [word, check.words.includes(word)]);
    case 'goes':
      return items.slice(1).map((next, i) => {
        const direction = Number(items[i]) < Number(next) ? 'up' : 'down';
        return { text: `${items[i]} ${next} ${direction}`, ok: direction === check.direction };
      });
    case 'first':
      return [named('first', items.at(0), check.word)];
    case 'last':
      return [named('last', items.at(-1), check.word)];
    case 'start':
      return [named('start', all.at(0), check.word)];
    case 'end':
      return [named('end', all.at(-1), check.word)];
    case 'aligned':
      return Array.from({ length: Math.max(all.length, check.words.length) }, (_, i) =>
        compared(all[i], check.words[i]),
      );
    case 'first step':
      return [recomputed(parseSteps(response).at(0))];
    case 'last step':
      return [recomputed(parseSteps(response).at(-1))];
    case 'every step': {
      const said = parseSteps(response);
      return check.steps.map(({ left, op, right, result }, i) => ({
        text: `${left} ${op} ${right} = ${result} is ${said[i]?.result ?? 'nothing'}`,
        ok: said[i]?.result === result,
      }));
    }
    case 'says': {
      const said = /So (\d+)\.?$/.exec(response)?.[1];
      return [named('says', said, String(check.answer))];
    }
  }
}

function each(all: readonly string[], decide: (word: string) => [string, boolean]): Segment[] {
  return all.map((word) => {
    if (isEdgeWord(word)) return { text: word, ok: null };
    const [text, ok] = decide(word);
    return { text, ok };
  });
}

function compared(said: string | undefined, expected: string | undefined): Segment {
  return { text: `${said ?? 'nothing'} is ${expected ?? 'nothing'}`, ok: said === expected };
}

function named(name: string, said: string | undefined, expected: string): Segment {
  const { text, ok } = compared(said, expected);
  return { text: `${name} ${text}`, ok };
}

/** A step of the response itself, worked out again: finds wrong sums, not wrong thinking. */
function recomputed(step: Step | undefined): Segment {
  if (step === undefined) return { text: 'nothing', ok: false };
  const { left, op, right, result } = step;
  const again = value(left, op, right);
  return { text: `${left} ${op} ${right} = ${again} is ${result}`, ok: again === result };
}

import type { FollowBenchRow } from './row.ts';

/** What FollowBench itself checks by rule: the rule's name and whether an answer keeps every constraint up to its level. */
export interface Rule {
  readonly name: string;
  keeps(answer: string): boolean;
}

/** The rule of a row, as in the benchmark's own code (rule_based_evaluation.py), whose reading of sentences and words is kept
 * with its quirks so that verdicts are the same; null where it asks a model. */
export function ruleOf(row: FollowBenchRow): Rule | null {
  const { category, source, level, target } = row;
  if (category === 'example') {
    const pattern = templatePattern(target);
    return { name: 'example', keeps: (answer) => pattern.test(answer) };
  }
  if (row.file === 'format' && row.exampleId === 22)
    return { name: 'format-22', keeps: (answer) => format22(answer, level) };
  if (row.file === 'format' && row.exampleId === 30)
    return { name: 'format-30', keeps: (answer) => upTo(format30(answer), level) };
  const judged = Object.hasOwn(RULES, source) ? RULES[source] : undefined;
  return judged === undefined ? null : { name: source, keeps: (answer) => judged(answer, target, level) };
}

type Check = (answer: string, target: string, level: number) => boolean;

/** Every one of the first `level` constraints holds. */
const upTo = (constraints: readonly boolean[], level: number) => constraints.slice(0, level).every(Boolean);

const RULES: Readonly<Record<string, Check>> = {
  E2E: (answer, target) => answer === target,
  WIKIEVENTS: (answer, target) => answer.split('\n').every((line) => target.split('\n').includes(line)),
  CONLL2003: (answer, target) => pythonList(target).includes(answer),
  text_editing: (answer, target) => answer === target,
  cnn_dailymail: (answer, _, level) =>
    upTo(
      [
        sentences(answer).length === 3,
        sentences(answer).every((own) => words(own) < 15),
        nth(answer, 1, 'Potter') && nth(answer, 2, 'actor') && nth(answer, 3, 'films'),
        !nth(answer, 2, 'lavish'),
        PERFECT.test(sentences(answer)[2] ?? ''),
      ],
      level,
    ),
  xsum: (answer, _, level) =>
    upTo(
      [
        sentences(answer).length === 1,
        spaced(answer) < 20,
        !holds(answer, 'Newton Stewart'),
        CONTINUOUS.test(answer),
        holds(answer, 'operation'),
      ],
      level,
    ),
  samsum: (answer, _, level) =>
    upTo(
      [
        sentences(answer).length === 1,
        spaced(answer) < 15,
        holds(answer, 'stuff'),
        !/procrast/i.test(answer),
        [...answer].filter((sign) => PUNCTUATION.test(sign)).length === 1,
      ],
      level,
    ),
  gigaword: (answer, _, level) =>
    upTo(
      [
        spaced(answer) === 8,
        !PUNCTUATION.test(answer),
        /\p{Ll}/u.test(answer) && !/[\p{Lu}\p{Lt}]/u.test(answer),
        !holds(answer, 'bus'),
        holds(answer, 'in'),
      ],
      level,
    ),
  arxiv: (answer, _, level) =>
    upTo(
      [
        sentences(answer).length === 1,
        spaced(answer) <= 20,
        answer.startsWith('We'),
        holds(answer, 'activations'),
        !holds(answer, 'transformer'),
      ],
      level,
    ),
  BBH_logical: (answer, target) => last(answer, /\([A-Z]\)/g) === target,
  BBH_time: (answer, target) => last(answer, /\p{Nd}{2}\/\p{Nd}{2}\/\p{Nd}{4}/gu) === target,
  self_made_space: (answer, target) => answer.includes(target),
  gsm_8k: (answer, target) => last(answer, /\$\p{Nd}+/gu) === target,
};

/** ASCII punctuation, as Python's string.punctuation. */
const PUNCTUATION = /[!-/:-@[-`{-~]/;

/** What lies between full stops, exclamation and question marks, nothing trimmed, empty pieces left out. */
const sentences = (text: string) => text.split(/[.!?]/).filter((own) => own !== '');
/** White space as Python has it. */
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const pieces = (text: string) => text.split(new RegExp(`${SPACE}+`)).filter((own) => own !== '');
const words = (text: string) => pieces(text).length;
/** Pieces between single spaces, empty ones too. */
const spaced = (text: string) => text.split(' ').length;
/** A letter, digit or underscore. */
const WORD = '[\\p{L}\\p{N}_]';
const PERFECT = new RegExp(`(?<!${WORD})(?:has|have)${SPACE}+${WORD}+`, 'u');
const CONTINUOUS = new RegExp(`(?<!${WORD})(?:am|is|are)${SPACE}+${WORD}+ing(?!${WORD})`, 'u');
const holds = (text: string, word: string) => new RegExp(`(?<!${WORD})${word}(?!${WORD})`, 'u').test(text);
const nth = (text: string, n: number, word: string) => holds(sentences(text)[n - 1] ?? '', word);
const last = (text: string, pattern: RegExp) => text.match(pattern)?.at(-1) ?? null;

/** The texts of a Python list literal of texts. */
function pythonList(literal: string): string[] {
  return [...literal.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map((found) =>
    (found[1] ?? found[2] ?? '').replace(/\\(.)/g, '$1'),
  );
}

/** Example constraints: the answer has the shape of the template, `{answer}` standing for anything on one line. */
function templatePattern(target: string): RegExp {
  const shape = target
    .replaceAll('{instruction}\n', '')
    .replaceAll('{{', '{')
    .replaceAll('}}', '}')
    .split('{answer}')
    // The official code turns what is left of a template into a pattern before it escapes it, so `.*` in one is a wildcard too.
    .map((part) => part.split('.*').map(escaped).join('[^\\n]*'));
  return new RegExp(`^(?:${shape.join('[^\\n]*')})$`, 'u');
}

const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');

const NUMBERED = new RegExp(`^${SPACE}*\\p{Nd}+\\.`, 'u');
/** Ends of sentences, but not within `e.g. ` or after `Mr.`. */
const BETWEEN = new RegExp(`(?<!${WORD}\\.${WORD}[^\\n])(?<![A-Z][a-z]\\.)(?<=[.?])${SPACE}`, 'u');

function format22(answer: string, level: number): boolean {
  const paragraphs = answer.split('\n\n');
  // The last level asks for a fourth one.
  const wanted = level === 5 ? 4 : 3;
  return upTo(
    [
      paragraphs.length === wanted,
      paragraphs.slice(0, 3).every((own) => sentences(own).length < 3),
      sentences(answer).every((own) => words(own) > 20),
      paragraphs.every((own) => pieces(own).length === 0 || NUMBERED.test(own)),
      answer.endsWith('Those are suggestions'),
    ],
    level,
  );
}

function format30(answer: string): boolean[] {
  const split = answer.split(BETWEEN);
  const points = split.filter((own) => [1, 2, 3, 4, 5].some((n) => own.includes(`${n}.`)));
  return [
    answer.includes('**'),
    (answer.match(/\*\*\p{Nd}[^\n]+?:/gu) ?? []).length === 5,
    points.every((own) => own.split('.').length < 3),
    split.every((own) => words(own) >= 10 && words(own) <= 15),
    split.every((own) => !pieces(own).some((word) => word.endsWith('-ly'))),
  ];
}

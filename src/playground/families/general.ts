import { pick, type Random } from '../../random.ts';
import type { Check } from '../checks.ts';
import type { Family, Problem } from '../problem.ts';
import { EDGE_WORDS, isEdgeWord, words } from '../words.ts';

/** A word that an answer has to start or end with. */
export interface Edge {
  readonly place: 'start' | 'end';
  readonly word: string;
}

/** What one general family says about answers without their edge word. A spec is plain data. */
export interface Body<Spec> {
  readonly name: string;
  sample(random: Random): Spec;
  /** Both wordings say the same. */
  text(spec: Spec): readonly [string, string];
  /** A candidate spec: the caller compares its text with the instruction, so this may be lenient. */
  parse(text: string): Spec | null;
  modify(spec: Spec, random: Random): Spec;
  /** One right answer; the only one where `accepts` is left out. */
  answer(spec: Spec, random: Random): readonly string[];
  accepts?(spec: Spec, items: readonly string[]): boolean;
  checks(spec: Spec): readonly Check[];
}

const EDGE_SHARE = 0.6; // of the instructions ask for a start or end word
const EDGE_CHANGE = 0.4; // of the modifications of those change it

/** A family from its body: adds wordings and the optional "End with W." or "Start with W.". */
export function generalFamily<Spec>(body: Body<Spec>): Family {
  const make = (spec: Spec, wording: 0 | 1, edge: Edge | null): Problem => {
    const determined = body.accepts === undefined;
    const answer = (random: Random) => withEdge(body.answer(spec, random), edge);
    const checks: Check[] = [...body.checks(spec)];
    if (edge !== null) checks.push({ kind: edge.place, word: edge.word });
    return {
      family: body.name,
      domain: 'general',
      instruction: body.text(spec)[wording] + edgeText(edge),
      answer: (random) => answer(random).join(' '),
      attempt: (random) => answer(random).join(' '),
      isCorrect: (response) => {
        const items = withoutEdge(words(response), edge);
        if (items === null) return false;
        if (body.accepts !== undefined) return body.accepts(spec, items);
        return items.join(' ') === body.answer(spec, () => 0).join(' ');
      },
      modify: (random) =>
        edge !== null && random() < EDGE_CHANGE
          ? make(spec, wording, modifiedEdge(edge, random))
          : make(body.modify(spec, random), wording, edge),
      checks,
      reference: (random) => {
        if (!determined) return null;
        const expected = answer(random);
        return { text: `The answer is ${expected.join(' ')}.`, check: { kind: 'aligned', words: expected } };
      },
    };
  };
  return {
    name: body.name,
    domain: 'general',
    sample: (random) => make(body.sample(random), random() < 0.5 ? 0 : 1, sampleEdge(random)),
    parse: (instruction) => {
      const match = /^(.*?\.)(?: (Start|End) with (\w+)\.)?$/.exec(instruction);
      if (match === null) return null;
      const [, text, place, word] = match;
      if (word !== undefined && !isEdgeWord(word)) return null;
      const spec = body.parse(text as string);
      if (spec === null) return null;
      const edge: Edge | null = word ? { place: place === 'Start' ? 'start' : 'end', word } : null;
      for (const wording of [0, 1] as const) {
        const problem = make(spec, wording, edge);
        if (problem.instruction === instruction) return problem;
      }
      return null;
    },
  };
}

function sampleEdge(random: Random): Edge | null {
  if (random() >= EDGE_SHARE) return null;
  return { place: random() < 0.5 ? 'start' : 'end', word: pick(random, EDGE_WORDS) };
}

function modifiedEdge(edge: Edge, random: Random): Edge {
  if (random() < 0.35) return { place: edge.place === 'start' ? 'end' : 'start', word: edge.word };
  return { place: edge.place, word: another(EDGE_WORDS, edge.word, random) };
}

function edgeText(edge: Edge | null): string {
  if (edge === null) return '';
  return ` ${edge.place === 'start' ? 'Start' : 'End'} with ${edge.word}.`;
}

function withEdge(items: readonly string[], edge: Edge | null): string[] {
  if (edge === null) return [...items];
  return edge.place === 'start' ? [edge.word, ...items] : [...items, edge.word];
}

/** The items of an answer; null when the edge word is missing. */
function withoutEdge(all: readonly string[], edge: Edge | null): readonly string[] | null {
  if (edge === null) return all;
  const found = edge.place === 'start' ? all.at(0) : all.at(-1);
  if (found !== edge.word) return null;
  return edge.place === 'start' ? all.slice(1) : all.slice(0, -1);
}

/** Another element of the list than this one. */
export function another<T>(list: readonly T[], current: T, random: Random): T {
  return pick(
    random,
    list.filter((element) => element !== current),
  );
}

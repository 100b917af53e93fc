import { exemplary, quoted, spokenOf } from './context.ts';
import { type Marker, slotLine } from './markers.ts';
import { at, type Slot, slotAt } from './slots.ts';
import type { Token } from './tokens.ts';
import {
  BETTER,
  BETTER_IN,
  CHOOSE,
  CONCLUDES,
  DOUBTS,
  FILLERS,
  JOINTS,
  OBJECT_AFTER,
  OBJECT_BEFORE,
  TIES,
  WORSE,
} from './words.ts';

/** What one sentence says of which is better. */
interface Statement extends Marker {
  /** It begins by `overall`, `therefore` and the like. */
  readonly concludes: boolean;
  /** Better in something, as style. */
  readonly aspect: boolean;
  /** `If I have to choose, B`: the condition is none. */
  readonly forced?: boolean;
}

const ENDS = new Set(['\n', '.', '!', '?']);
const CLAUSES = new Set([',', ';', ':', 'but', 'yet', '但', '而']);
/** Clauses with one of these at their beginning concede. */
const CONCEDES = new Set([
  'while',
  'although',
  'though',
  'even',
  'whereas',
  'despite',
  'obwohl',
  'bien',
  'aunque',
  'embora',
  'sebbene',
  'хотя',
  '虽',
  '尽',
  '雖',
  '儘',
]);
const ASPECT = new Set(['in', 'at', 'for', 'on', 'regarding', 'with', 'when', 'where', 'if']);
/** Verbs whose form does not tell who chooses. */
const ENGLISH = new Set([
  'prefer',
  'choose',
  'pick',
  'select',
  'favor',
  'favour',
  'go',
  'vote',
  'lean',
  'side',
  'opt',
]);
const FIRST_PERSON = new Set([
  'i',
  "i'd",
  "i'll",
  'would',
  'will',
  'must',
  'do',
  'strongly',
  'slightly',
  'clearly',
  'therefore',
]);
/** Before a tie that is none around a neck. */
const CALLED = new Set([
  'is',
  "it's",
  "that's",
  'be',
  'as',
  'it',
  'this',
  'was',
  'in',
  'call',
  'declare',
  ':',
  'to',
  '\n',
  'overall',
  ',',
]);
/** What an article can stand before. */
const ADJECTIVES = new Set([
  'better',
  'best',
  'superior',
  'stronger',
  'preferable',
  'preferred',
  'strongest',
  'more',
]);
/** Tokens from a subject to its verb. */
const REACH = 12;

/** The judge's conclusion in words: `Overall, Assistant B gives the better answer.` The last sentence says it, or the last one
 * that begins as a conclusion; else all sentences that say which is better have to agree. */
export function inWords(tokens: readonly Token[], from: number): Marker | null {
  const said: Statement[] = [];
  let lastSentence = -1;
  let start = from;
  while (at(tokens, start) === '\n' && start < tokens.length) start++;
  for (let i = start; i < tokens.length; ) {
    if (ENDS.has(at(tokens, i))) {
      i++;
      continue;
    }
    let end = i;
    while (end < tokens.length && !ENDS.has(at(tokens, end))) end++;
    lastSentence = i;
    const question = at(tokens, end) === '?';
    const own = !question && at(tokens, i) !== '>';
    // `Assistant A. It is the only one that …`, or `So B.`
    const bare = (i === start && at(tokens, end) === '.') || CONCLUDES.at(tokens, i) > 0;
    const opening = bare ? slotLine(tokens, i, end) : null;
    const statement = opening ? { ...opening, concludes: false, aspect: false } : sentence(tokens, i, end);
    const found = own ? statement : null;
    if (
      found &&
      (found.forced || !spokenOf(tokens, found, from)) &&
      !quoted(tokens, found, from) &&
      !exemplary(tokens, found, from)
    )
      said.push(found);
    i = end;
  }
  const final = said.at(-1);
  if (final === undefined) return null;
  const ends = final.first >= lastSentence;
  if (final.concludes || (ends && !final.aspect)) return final;
  const concluded = said.findLast(({ concludes }) => concludes);
  if (concluded)
    return said
      .slice(said.indexOf(concluded))
      .every(({ names, aspect }) => aspect || names === concluded.names)
      ? concluded
      : null;
  return said.every(({ names, aspect }) => !aspect && names === final.names) ? final : null;
}

function sentence(tokens: readonly Token[], start: number, end: number): Statement | null {
  let concludes = false;
  let found: Statement | null = null;
  for (let first = start; first < end; ) {
    let stop = first + 1;
    while (stop < end && !CLAUSES.has(at(tokens, stop))) stop++;
    for (let i = first; i < stop; i++) concludes ||= CONCLUDES.at(tokens, i) > 0;
    const forced = stop === end && chooses(tokens, start, first) ? slotLine(tokens, first, stop) : null;
    const clause =
      (forced && { ...forced, aspect: false, forced: true }) ??
      (CONCEDES.has(at(tokens, first)) ||
      (CLAUSES.has(at(tokens, first)) && CONCEDES.has(at(tokens, first + 1)))
        ? null
        : statement(tokens, first, stop));
    if (clause) found = { ...clause, concludes };
    first = stop;
  }
  return found && { ...found, concludes: found.concludes || concludes };
}

/** `If I have to choose, …` */
function chooses(tokens: readonly Token[], start: number, end: number): boolean {
  for (let i = Math.max(start, end - REACH); i < end; i++) if (CHOOSE.at(tokens, i) > 0) return true;
  return false;
}

function statement(
  tokens: readonly Token[],
  first: number,
  end: number,
): Pick<Statement, 'names' | 'first' | 'end' | 'aspect'> | null {
  const doubted = doubts(tokens, first, end);
  for (let i = end - 1; i >= first; i--) {
    const tie = TIES.at(tokens, i);
    if (tie > 0 && i + tie <= end && tieSaid(tokens, i, first))
      return { names: 'tie', first: i, end: i + tie, aspect: false };
  }
  if (doubted) return null;
  for (let i = first; i < end; i++) {
    const partly = BETTER_IN.at(tokens, i);
    const better = partly || BETTER.at(tokens, i);
    const worse = better > 0 ? 0 : WORSE.at(tokens, i);
    const length = better || worse;
    if (length > 0) {
      const subject =
        subjectBefore(tokens, i, first) ??
        (better > 0 ? (objectAfter(tokens, i + length, end) ?? pronoun(tokens, i, first)) : null);
      if (subject === null) continue;
      const names = better > 0 ? subject.names : subject.names === 'A' ? 'B' : 'A';
      const aspect = partly > 0 || (ADJECTIVES.has(at(tokens, i)) && qualified(at(tokens, i + length)));
      return { names, first: subject.first, end: Math.max(subject.end, i + length), aspect };
    }
    const choose = CHOOSE.at(tokens, i);
    if (choose > 0 && !(ENGLISH.has(at(tokens, i)) && !FIRST_PERSON.has(at(tokens, i - 1)))) {
      let j = i + choose;
      while (j < end && j < i + choose + 3 && FILLERS.at(tokens, j) > 0) j += FILLERS.at(tokens, j);
      const slot = slotAt(tokens, j);
      if (slot?.certain && slot.names !== 'tie')
        return { names: slot.names, first: i, end: slot.end, aspect: false };
    }
  }
  return null;
}

/** `better in style`, `better structured`. */
function qualified(next: string): boolean {
  return ASPECT.has(next) || /(?:ed|written|suited|known)$/.test(next);
}

function doubts(tokens: readonly Token[], first: number, end: number): boolean {
  for (let i = first; i < end; i++) {
    // The clause's own beginning is no doubt of it: `but B is better`.
    if (CLAUSES.has(at(tokens, i)) && i === first) continue;
    const concessive = i <= first + 1 && (at(tokens, i) === 'however' || at(tokens, i) === 'but');
    if (!concessive && (DOUBTS.at(tokens, i) > 0 || at(tokens, i).endsWith("n't"))) return true;
  }
  return false;
}

/** `a tie`, `they are tied`, not `his tie` and not `not a tie`. */
function tieSaid(tokens: readonly Token[], i: number, first: number): boolean {
  const word = at(tokens, i);
  if (word === 'tie' || word === 'draw') {
    const article = at(tokens, i - 1) === 'a' ? 1 : 0;
    if (!CALLED.has(at(tokens, i - 1 - article))) return false;
  }
  for (let j = Math.max(first, i - 4); j < i; j++) {
    const text = at(tokens, j);
    if (text === 'not' || text === 'never' || text === 'if' || text === 'than' || text.endsWith("n't"))
      return false;
  }
  return true;
}

/** The nearest slot before a verb that is not what something is compared with. */
function subjectBefore(tokens: readonly Token[], verb: number, first: number): Slot | null {
  for (let i = verb - 1; i >= Math.max(first, verb - REACH); i--) {
    const slot = slotAt(tokens, i);
    if (slot === null || !slot.certain || slot.names === 'tie' || slot.end > verb) continue;
    if (slot.end === verb && slot.end - slot.first === 1 && ADJECTIVES.has(at(tokens, verb))) return null;
    // `Assistant A` begins a token earlier than `A`.
    const whole = slotEndingAt(tokens, slot.end, Math.max(first, i - 4)) ?? slot;
    if (OBJECT_BEFORE.before(tokens, whole.first) > 0 || OBJECT_AFTER.at(tokens, whole.end) > 0) {
      i = whole.first;
      continue;
    }
    return whole;
  }
  return null;
}

function slotEndingAt(tokens: readonly Token[], end: number, first: number): Slot | null {
  for (let i = first; i < end; i++) {
    const slot = slotAt(tokens, i);
    if (slot && slot.end === end) return slot;
  }
  return null;
}

/** `Assistant A is right, and it gets my preference`: the one that the clause before names, if it names one. */
function pronoun(tokens: readonly Token[], verb: number, first: number): Slot | null {
  if (at(tokens, verb - 1) !== 'it' || at(tokens, first) !== ',') return null;
  let found: Slot | null = null;
  for (let i = first - 1; i >= Math.max(0, first - REACH) && !ENDS.has(at(tokens, i)); i--) {
    const slot = slotAt(tokens, i);
    if (slot === null || !slot.certain || slot.names === 'tie') continue;
    if (found !== null && found.names !== slot.names) return null;
    found = slot;
  }
  return found;
}

/** `the better answer comes from Assistant B`, `the better of the two is B`. */
function objectAfter(tokens: readonly Token[], start: number, end: number): Slot | null {
  // `Лучше ответ Б`, `ritengo migliore la prima risposta`.
  let next = start;
  while (next < start + 3 && FILLERS.at(tokens, next) > 0) next += FILLERS.at(tokens, next);
  const after = slotAt(tokens, next);
  if (after?.certain && after.names !== 'tie' && after.end > next + 1 && after.end >= end - 1) return after;
  for (let i = start; i < Math.min(end, start + 8); i++) {
    const joint = JOINTS.at(tokens, i) || (['by', 'from'].includes(at(tokens, i)) ? 1 : 0);
    if (joint === 0) continue;
    let value = i + joint;
    while (value < i + 5 && FILLERS.at(tokens, value) > 0) value += FILLERS.at(tokens, value);
    const slot = slotAt(tokens, value);
    // `The best answer is (A)` may well be about the question.
    const bare = at(tokens, start - 1) === 'best' && slot?.end === value + 1;
    if (slot?.certain && slot.names !== 'tie' && slot.end >= end - 1 && !bare) return slot;
  }
  return null;
}

import type { DetectLanguage } from '../text/language.ts';

/** What a response pair has to pass. */
export interface PairChecks {
  /** Most that one response may be longer than the other, as a ratio of characters. */
  readonly maxLengthRatio?: number;
  /** Where given, both responses have to be of one language. */
  readonly detect?: DetectLanguage;
}

/** Under this many characters a ratio of lengths says nothing ("12" and "a dozen"). */
const SHORT = 40;

const plain = (text: string) => text.replace(/\s+/g, ' ').trim().toLowerCase();

/** Whether two texts are one but for spaces and case. */
export function sameText(a: string, b: string): boolean {
  return plain(a) === plain(b);
}

/** Why a pair is left out; null where it passes. */
export function failedCheck(chosen: string, rejected: string, checks: PairChecks): string | null {
  if (sameText(chosen, rejected)) return 'same response';
  const [short, long] = [chosen.length, rejected.length].sort((a, b) => a - b) as [number, number];
  // To an empty response everything is infinitely long: that it answers nothing is what tells the two apart.
  if (short > 0 && long > SHORT && long > short * (checks.maxLengthRatio ?? Infinity))
    return 'lengths too different';
  if (checks.detect && !sameLanguage(chosen, rejected, checks.detect)) return 'language changed';
  return null;
}

/** Texts too short to tell pass. */
function sameLanguage(a: string, b: string, detect: DetectLanguage): boolean {
  const [first, second] = [detect(a), detect(b)];
  return first === null || second === null || first === second;
}

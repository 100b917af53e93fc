import type { SourceInstruction } from '../source.ts';
import { type DetectLanguage, sameLanguage } from '../text/language.ts';

export interface FilterOptions {
  /** ISO 639-1 codes. The set's own word counts; else the detector's, and a text too short to tell passes. */
  readonly languages?: readonly string[];
  readonly detect?: DetectLanguage;
  /** Characters of the instruction. */
  readonly minChars?: number;
  readonly maxChars?: number;
  /** Characters of the set's own response. */
  readonly maxResponseChars?: number;
  /** User turns. */
  readonly maxTurns?: number;
  /** Take rows that the set flags as toxic; left out otherwise. */
  readonly toxic?: boolean;
}

/** Why an instruction is left out; null where it passes. */
export function filtered(instruction: SourceInstruction, options: FilterOptions): string | null {
  const { languages, detect, minChars = 1, maxChars = Infinity, maxTurns = Infinity } = options;
  const { text, turns, response = '' } = instruction;
  if (instruction.toxic && !options.toxic) return 'flagged as toxic';
  if (turns > maxTurns) return 'too many turns';
  if (text.length < minChars) return 'instruction too short';
  if (text.length > maxChars) return 'instruction too long';
  if (response.length > (options.maxResponseChars ?? Infinity)) return 'response too long';
  if (languages !== undefined) {
    const said = instruction.language ?? detect?.(text) ?? null;
    if (said !== null && !languages.some((code) => sameLanguage(said, code))) return 'another language';
  }
  return null;
}

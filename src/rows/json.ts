import { wellFormed } from '../text/well-formed.ts';

/** A whole number of 16 digits and more, outside of a text or at least as it could stand there. */
const LONG = /(?:^|[[:,\s])-?\d{16,}(?:[\s,\]}]|$)/;
/** Escapes of NUL and of surrogates, whole pairs included: no other way leads a NUL or half a pair into a JSON text. */
const ESCAPED = /\\u(?:0000|d[89a-f])/i;
const WHOLE = /^-?\d+$/;

/** Deepest nesting that is read: what goes through values calls itself for each level. */
const DEEPEST = 1000;

/** JSON that is nested too deeply. */
export class TooDeep extends SyntaxError {
  constructor() {
    super(`is nested deeper than ${DEEPEST} levels`);
  }
}

/** A value of JSON as `JSON.parse` gives it, but that no whole number is rounded: one beyond 2^53 is a bigint, so that two ids do
 * not become one; and that all its texts are well-formed. Throws SyntaxError. */
export function parseJson(json: string): unknown {
  const parse = JSON.parse as (text: string, revive?: Reviver) => unknown;
  const rounded = parse(json);
  if (json.length > 2 * DEEPEST && isDeeper(rounded, DEEPEST)) throw new TooDeep();
  const value = LONG.test(json) ? parse(json, exact) : rounded;
  return json.includes('\\u') && ESCAPED.test(json) ? wellFormedTexts(value) : value;
}

const isDeeper = (value: unknown, levels: number): boolean =>
  value !== null &&
  typeof value === 'object' &&
  (levels === 0 || Object.values(value).some((part) => isDeeper(part, levels - 1)));

type Reviver = (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown;

const exact: Reviver = (_, value, { source }) =>
  typeof value === 'number' && source !== undefined && !Number.isSafeInteger(value) && WHOLE.test(source)
    ? BigInt(source)
    : value;

/** The value with all its texts well-formed. */
export function wellFormedTexts(value: unknown): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (Array.isArray(value)) return value.map(wellFormedTexts);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, wellFormedTexts(part)]));
}

/** A number of which JSON holds these digits. */
const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
/** Larger than any float: every reader takes it for infinity, of which JSON has no word. */
const INFINITE = '1e999';

/** As JSON, whole numbers exact: what `parseJson` reads as it was. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return raw(String(part));
    if (part === Infinity) return raw(INFINITE);
    return part === -Infinity ? raw(`-${INFINITE}`) : part;
  });
}

/** Longest quotation of a value in a message, in characters. */
const QUOTED = 60;

/** A value as a message quotes it: on one line, bounded, and printable wherever it is printed. */
export function quoted(value: unknown): string {
  const json = toJson(typeof value === 'string' ? value.slice(0, 4 * QUOTED) : value) ?? String(value);
  const whole = [...json.slice(0, 4 * QUOTED)];
  const text = whole.length > QUOTED ? `${whole.slice(0, QUOTED).join('')}…` : whole.join('');
  return text.replace(
    /[^\P{Cc}]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

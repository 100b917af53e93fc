import { hash } from 'node:crypto';
import { EvalPlannerError } from './errors.ts';

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** JSON with sorted names: equal values give equal text, whatever order their parts were written in. */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    // JSON would write null for all of them: two different things under one key.
    throw new EvalPlannerError('internal', `${value} cannot be part of a key`, 'report this as a bug');
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = Object.entries(value as Record<string, Json | undefined>)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

/** Identity of a unit of work: sha256 of everything that decides its outcome (prompt version, model revision, sampling
 * parameters, seed, inputs, order, indices), cut to 128 bits: 32 hexadecimal digits. Two of a billion units share a key
 * with probability 1.5e-21, and the ledger's index, whose pages are hit at random, is half the size. */
export function key(parts: Readonly<Record<string, Json | undefined>>): string {
  return hash('sha256', canonicalJson(parts), 'hex').slice(0, 32);
}

export interface Difference {
  /** Dotted; empty when the values differ as a whole. */
  readonly path: string;
  readonly a: Json | undefined;
  readonly b: Json | undefined;
}

/** Where two JSON values differ. Objects, and lists of objects, are compared part by part, anything else as a whole. */
export function differences(a: Json | undefined, b: Json | undefined, path = ''): Difference[] {
  const [x, y] = [parts(a), parts(b)];
  if (x && y) {
    return [...new Set([...Object.keys(x), ...Object.keys(y)])]
      .sort()
      .flatMap((name) => differences(x[name], y[name], path === '' ? name : `${path}.${name}`));
  }
  const same = a === undefined || b === undefined ? a === b : canonicalJson(a) === canonicalJson(b);
  return same ? [] : [{ path, a, b }];
}

type Parts = { readonly [name: string]: Json | undefined };

/** What is compared by itself; null for what is compared as a whole. */
function parts(value: Json | undefined): Parts | null {
  if (typeof value !== 'object' || value === null) return null;
  if (!Array.isArray(value)) return value as Parts;
  const list = value as readonly Json[];
  const records = list.length > 0 && list.every((one) => parts(one) !== null && !Array.isArray(one));
  return records ? Object.fromEntries(Object.entries(list)) : null;
}

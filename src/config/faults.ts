import type { z } from 'zod';
import { EvalPlannerError } from '../errors.ts';
import { similarWord } from '../text/similar.ts';

/** The error of a config that is wrong: the first field, what is there and what ought to be. Where a field is
 * not known the nearest one of `schema` is told. */
export function wrongField(config: unknown, error: z.core.$ZodError, schema: object): EvalPlannerError {
  const [first, ...others] = error.issues.flatMap((issue) => faults(issue, config));
  const { path, expected } = first as Fault;
  const field = fieldName(path);
  const more = others.length === 0 ? '' : `, and ${others.length} more after it`;
  const wrong = String(path.at(-1));
  const near =
    expected === UNKNOWN ? fieldsAt(schema, path.slice(0, -1)).filter((name) => name !== wrong) : [];
  const meant = similarWord(wrong, near);
  return new EvalPlannerError(
    'usage',
    `${field} ${there(config, path)}: ${expected}${meant === null ? '' : `; did you mean ${meant}?`}`,
    `correct ${field === 'the config' ? field : `${field} in the config`}${more}`,
    error,
  );
}

const UNKNOWN = 'there is no field of this name';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

/** The names of the fields that may stand at a place of what a JSON schema describes. */
function fieldsAt(schema: Schema, path: readonly PropertyKey[]): string[] {
  const forms = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((form) => fieldsAt(form, path));
  const [part, ...rest] = path;
  if (part === undefined) return [...Object.keys(schema.properties ?? {}), ...forms];
  const inner =
    typeof part === 'number'
      ? schema.items
      : (schema.properties?.[String(part)] ?? schema.additionalProperties);
  return [...(typeof inner === 'object' ? fieldsAt(inner, rest) : []), ...forms];
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly expected: string;
}

/** Each with the field that is wrong, and what it ought to be. */
function faults(issue: z.core.$ZodIssue, config: unknown): Fault[] {
  const { path, message } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], expected: UNKNOWN }));
    case 'invalid_key':
      return issue.issues.slice(0, 1).map(({ message }) => ({ path, expected: `a name ${message}` }));
    case 'invalid_union': {
      if ('options' in issue && Array.isArray(issue.options))
        return [{ path, expected: `expected one of ${issue.options.join(', ')}` }];
      // Of several forms the one that was begun: a field within it is wrong. Else the first, which a file can hold.
      const begun = isObject(at(config, path))
        ? issue.errors.find(([one]) => one && (one.path.length > 0 || one.code === 'unrecognized_keys'))
        : undefined;
      const [one] = begun ?? issue.errors[0] ?? [];
      return one === undefined
        ? [{ path, expected: message }]
        : faults({ ...one, path: [...path, ...one.path] }, config);
    }
    case 'invalid_value':
      return [{ path, expected: `expected ${issue.values.map(String).join(' or ')}` }];
    default:
      return [{ path, expected: message.replace(/^(Invalid|Too)[^:]*: /, '').replace(/, received .*$/, '') }];
  }
}

/** `rounds[0].train[1].epochs`. */
function fieldName(path: readonly PropertyKey[]): string {
  const name = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return name === '' ? 'the config' : name;
}

/** What is there, briefly. */
function there(config: unknown, path: readonly PropertyKey[]): string {
  const value = at(config, path);
  if (value === undefined) return 'is missing';
  if (Array.isArray(value)) return `has ${value.length} entries`;
  if (typeof value === 'object' && value !== null) return 'is an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return `is ${text.length > 60 ? `${text.slice(0, 57)}…` : text}`;
}

function at(config: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (found, part) =>
      typeof found === 'object' && found !== null ? (found as Record<PropertyKey, unknown>)[part] : undefined,
    config,
  );
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

import { readFileSync } from 'node:fs';
import { EvalPlannerError } from '../../errors.ts';

/** Where a key comes from: never from a command line, which every process can read. */
export interface KeySource {
  readonly apiKey?: string;
  /** The name of an environment variable that holds it. */
  readonly apiKeyEnv?: string;
  /** A file that holds nothing else. */
  readonly apiKeyFile?: string;
}

/** The key; undefined where none is named. Throws EvalPlannerError (`usage`) for one that is named and not there. */
export function readKey({ apiKey, apiKeyEnv, apiKeyFile }: KeySource): string | undefined {
  if (apiKey !== undefined) return apiKey;
  if (apiKeyEnv !== undefined) {
    const value = process.env[apiKeyEnv]?.trim();
    if (value) return value;
    throw new EvalPlannerError(
      'usage',
      `the environment variable ${apiKeyEnv} is not set`,
      `export ${apiKeyEnv}=…, or name another one`,
    );
  }
  if (apiKeyFile !== undefined) {
    let value: string;
    try {
      value = readFileSync(apiKeyFile, 'utf8').trim();
    } catch (error) {
      throw new EvalPlannerError(
        'usage',
        `the key file ${apiKeyFile} cannot be read`,
        'check its path',
        error,
      );
    }
    if (value) return value;
    throw new EvalPlannerError('usage', `the key file ${apiKeyFile} is empty`, 'write the key into it');
  }
  return undefined;
}

/** A placeholder (`none`, `EMPTY`) is shorter than any real key, and a word that answers may hold. */
const SHORTEST = 8;

export const asItIs = (text: string): string => text;

/** Takes keys out of what a server said: one that repeats its own must not bring it into a ledger or a log. */
export function redactor(...keys: readonly (string | undefined)[]): (text: string) => string {
  const secrets = keys
    .filter((key) => key !== undefined)
    .filter((key) => key.length >= SHORTEST)
    // One may be a part of another.
    .sort((a, b) => b.length - a.length);
  if (secrets.length === 0) return asItIs;
  return (text) => secrets.reduce((clean, key) => clean.replaceAll(key, '[key]'), text);
}

/** Those of the values of headers, or of an address's parameters, that are or may be keys: by their name, or since they look like
 * nothing that an answer holds otherwise. */
export function secretValues(named: Iterable<readonly [name: string, value: string]>): string[] {
  return [...named]
    .map(([name, value]) => [name, value.replace(/^[A-Za-z]+ +/, '')] as const)
    .filter(
      ([name, value]) =>
        /auth|cookie|key|password|secret|signature|token/i.test(name) || /^(?=.*\d)\S{16,}$/.test(value),
    )
    .map(([, value]) => value);
}

/** A redactor of keys that others have read from the environment. */
export function environmentRedactor(): (text: string) => string {
  const names = Object.keys(process.env).filter((name) => /(KEY|TOKEN|SECRET|PASSWORD)$/.test(name));
  return redactor(...names.map((name) => process.env[name]));
}

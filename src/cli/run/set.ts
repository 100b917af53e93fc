import { parse } from 'yaml';
import type { RunConfig } from '../../config.ts';
import { EvalPlannerError } from '../../errors.ts';

/** A config with fields in place of its own: `rounds.0.pairs.mine=200`, the value read as YAML. Throws EvalPlannerError `usage`. */
export function withFields(config: RunConfig, fields: readonly string[]): RunConfig {
  const changed = structuredCopy(config) as Record<string, unknown>;
  for (const field of fields) {
    const [, path, text] = /^([^=]+)=(.*)$/s.exec(field) ?? [];
    if (path === undefined || text === undefined)
      throw new EvalPlannerError(
        'usage',
        `--set ${field} gives no value`,
        'give it as KEY=VALUE, as --set thoughts.plans=8',
      );
    const names = path.split('.');
    const last = names.pop() as string;
    let at = changed;
    for (const [i, name] of names.entries()) {
      const inner = at[name] ?? {};
      if (typeof inner !== 'object' || Object.getPrototypeOf(at) === null || UNSAFE.has(name))
        throw new EvalPlannerError(
          'usage',
          `--set ${field}: ${names.slice(0, i + 1).join('.')} holds no fields`,
          'name a field of the config, as thoughts.plans or rounds.0.pairs.mine',
        );
      at[name] = inner;
      at = inner as Record<string, unknown>;
    }
    if (UNSAFE.has(last))
      throw new EvalPlannerError('usage', `${last} is no field`, 'name a field of the config');
    at[last] = yamlValue(field, text);
  }
  return changed as RunConfig;
}

const UNSAFE = new Set(['__proto__', 'constructor', 'prototype']);

function yamlValue(field: string, text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch (error) {
    throw new EvalPlannerError(
      'usage',
      `--set ${field}: the value is no YAML`,
      'quote it: --set KEY=\'"text"\'',
      error,
    );
  }
}

/** Models and sources of one's own stay what they are. */
function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (typeof value !== 'object' || value === null || !isData(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, structuredCopy(of)]));
}

const isData = (value: object) =>
  Object.getPrototypeOf(value) === Object.prototype &&
  Object.values(value).every((one) => typeof one !== 'function');

import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse as parseYaml } from 'yaml';
import type { RunConfig } from '../config.ts';
import { EvalPlannerError } from '../errors.ts';

export interface ReadConfig {
  readonly config: RunConfig;
  /** Of the file, without what every config is called: what a run of it is named after. */
  readonly name: string;
  /** Relative places in the config are seen from here. */
  readonly folder: string;
}

const FORMS = '.ts, .mts, .js, .mjs, .yaml, .yml or .json';

/** A config from its file: a module whose default export it is, YAML or JSON. Throws EvalPlannerError `usage`, saying what is
 * wrong with the file; what the config says is checked later (resolveConfig). */
export async function readConfig(path: string): Promise<ReadConfig> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile())
    throw new EvalPlannerError(
      'usage',
      found ? `${path} is a folder` : `there is no config ${path}`,
      'name the file of a config; `evalplanner demo` runs one without',
    );
  const config: unknown = await contentOf(path);
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new EvalPlannerError(
      'usage',
      `${path} holds no config`,
      'give it a config object: in a module `export default defineConfig({ … })`',
    );
  const file = basename(path, extname(path));
  const folder = dirname(resolve(path));
  const name = file.replace(/\.?(evalplanner|config)/g, '') || basename(folder);
  return { config: located(config as RunConfig, folder), name, folder };
}

async function contentOf(path: string): Promise<unknown> {
  const form = extname(path).toLowerCase();
  const fail = (error: unknown) =>
    new EvalPlannerError(
      'usage',
      `${path} cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      'mend the file and run the same command again',
      error,
    );
  if (['.ts', '.mts', '.js', '.mjs'].includes(form)) {
    const module = (await import(pathToFileURL(resolve(path)).href).catch((error: unknown) => {
      throw fail(error);
    })) as { readonly default?: unknown };
    return module.default;
  }
  const text = await readFile(path, 'utf8');
  try {
    if (form === '.json') return JSON.parse(text);
    if (form === '.yaml' || form === '.yml') return parseYaml(text);
  } catch (error) {
    throw fail(error);
  }
  throw new EvalPlannerError('usage', `${path} is no config`, `give a file that ends in ${FORMS}`);
}

const RELATIVE = /^([a-z]+:)?(\.{1,2}[\\/].*)$/s;

/** Fields that are places, whatever they are in. */
const PLACES = new Set(
  'judge writer solver planner model command apiKeyFile from validation test dev response modify plan execute unplanned direct python accelerate shared'.split(
    ' ',
  ),
);
/** Parts of a config in which they are. */
const PARTS = ['models', 'serve', 'trainer', 'sources', 'prompts', 'benchmarks'];

/** The same with relative places of data, models and prompts as seen from where the command runs. */
function located(config: RunConfig, folder: string): RunConfig {
  const place = (value: unknown): unknown => {
    if (Array.isArray(value))
      return value.map((one: unknown) => (typeof one === 'string' ? place(one) : one));
    // Only what begins with a dot is a path, also behind a kind (`embedded:./folder`); other names are left as they are.
    const [, kind = '', path] = typeof value === 'string' ? (RELATIVE.exec(value) ?? []) : [];
    return path === undefined ? within(value) : `${kind}${join(folder, path)}`;
  };
  // Objects of classes are somebody's own: models, sources.
  const within = (value: unknown): unknown =>
    isPlain(value)
      ? Object.fromEntries(
          Object.entries(value).map(([name, of]) => [name, PLACES.has(name) ? place(of) : within(of)]),
        )
      : value;
  return Object.fromEntries(
    Object.entries(config).map(([name, of]) => [name, PARTS.includes(name) ? within(of) : of]),
  ) as RunConfig;
}

const isPlain = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

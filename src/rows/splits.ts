import { matchesGlob } from 'node:path';
import { parse } from 'yaml';
import { isDataFile } from './read.ts';

/** The data files of a hub dataset: configuration → split → paths. */
export type Splits = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** What the names of splits are written as, in files and folders (`train-00000-of-00002.parquet`, `validation/x.jsonl`). */
const KEYWORDS: readonly (readonly [split: string, pattern: RegExp])[] = [
  ['train', /(?:^|[-._ /])(?:train|training)(?=[-._ /]|$)/i],
  ['validation', /(?:^|[-._ /])(?:validation|valid|val|dev)(?=[-._ /]|$)/i],
  ['test', /(?:^|[-._ /])(?:test|testing|eval|evaluation)(?=[-._ /]|$)/i],
];

/** As the hub's card says (`configs` in README.md's front matter); else by the names of the files: a split's keyword, or what
 * stands before `-00000-of-00002`; folders other than data/ and those of splits are configurations. */
export function splitsOf(paths: readonly string[], card: string | null): Splits {
  const files = paths.filter(isDataFile).sort();
  return declared(files, card) ?? named(files);
}

interface DeclaredConfig {
  readonly config_name?: unknown;
  readonly data_dir?: unknown;
  readonly data_files?: unknown;
}

function declared(files: readonly string[], card: string | null): Splits | null {
  const [, front] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card ?? '') ?? [];
  let configs: unknown;
  try {
    configs = front === undefined ? undefined : (parse(front) as { configs?: unknown } | null)?.configs;
  } catch {
    // A card that is not YAML says nothing.
  }
  if (!Array.isArray(configs)) return null;
  const found: Record<string, Record<string, string[]>> = {};
  for (const { config_name, data_dir, data_files } of configs as DeclaredConfig[]) {
    const splits: Record<string, string[]> = {};
    const folder = typeof data_dir === 'string' ? `${data_dir.replace(/\/+$/, '')}/` : '';
    for (const [split, patterns] of patternsOf(data_files)) {
      const own = files.filter((file) => patterns.some((pattern) => matchesGlob(file, folder + pattern)));
      if (own.length > 0) splits[split] = own;
    }
    if (data_files === undefined && folder !== '')
      Object.assign(splits, bySplit(files.filter((file) => file.startsWith(folder))));
    if (Object.keys(splits).length > 0)
      found[typeof config_name === 'string' ? config_name : 'default'] = splits;
  }
  return Object.keys(found).length > 0 ? found : null;
}

/** `data_files` is a pattern, a list of them, a list of {split, path}, or an object of patterns by split. */
function patternsOf(given: unknown): [split: string, patterns: string[]][] {
  const texts = (value: unknown) =>
    (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string');
  if (given === null || given === undefined) return [];
  if (Array.isArray(given) && given.some((item) => typeof item === 'object')) {
    return given.map(({ split, path }: { split?: unknown; path?: unknown }) => [
      String(split ?? 'train'),
      texts(path),
    ]);
  }
  if (typeof given === 'object' && !Array.isArray(given))
    return Object.entries(given).map(([split, value]) => [split, texts(value)]);
  return [['train', texts(given)]];
}

function named(files: readonly string[]): Splits {
  const configs: Record<string, string[]> = {};
  for (const file of files) {
    const folders = file.split('/').slice(0, -1);
    const config = folders.find((name) => name !== 'data' && splitOf(name) === null) ?? 'default';
    configs[config] = [...(configs[config] ?? []), file];
  }
  return Object.fromEntries(Object.entries(configs).map(([config, own]) => [config, bySplit(own)]));
}

function bySplit(files: readonly string[]): Record<string, string[]> {
  const splits: Record<string, string[]> = {};
  for (const file of files) {
    const split = splitOf(file) ?? 'train';
    splits[split] = [...(splits[split] ?? []), file];
  }
  return splits;
}

/** The shard's own name wins: `data/filtered-00000-of-00001.parquet` is of the split `filtered`. */
function splitOf(path: string): string | null {
  const [, sharded] = /(?:^|\/)([\w.]+)-\d{5}-of-\d{5}\.\w+$/.exec(path) ?? [];
  // The hub's own Parquet branch: CONFIG/SPLIT/0000.parquet.
  const [, converted] = /(?:^|\/)(?:partial-)?([\w.]+)\/\d{4}\.parquet$/.exec(path) ?? [];
  const split = sharded ?? converted;
  if (split !== undefined) return split;
  return KEYWORDS.find(([, pattern]) => pattern.test(path))?.[0] ?? null;
}

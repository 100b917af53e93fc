import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EvalPlannerError } from '../errors.ts';

const DATA = /\.(?:jsonl|ndjson|json|csv|tsv|tab|parquet)(?:\.(?:gz|zst))?$/i;
const bare = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** What is called after a benchmark. */
export interface Named {
  readonly name: string;
  readonly title: string;
  /** What its files are called, without their extension; of several versions the first one found. */
  readonly files: readonly RegExp[];
  /** Its datasets on the hub, as parseHubId reads them; none where it has none with rows. */
  readonly hub: readonly string[];
  readonly counts: readonly Readonly<Record<string, number>>[];
}

/** The benchmark's files at `path`: the path itself where it is a file; else what lies in that folder, or in a folder of it
 * that is called after the benchmark. Throws EvalPlannerError `data`, saying what was looked for. */
export async function benchmarkFiles(benchmark: Named, path: string): Promise<string[]> {
  const [first] = await benchmarkVersions(benchmark, path);
  return first as string[];
}

/** The same of every version that is there, of which there is one at least. */
export async function benchmarkVersions(benchmark: Named, path: string): Promise<string[][]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new EvalPlannerError('data', `cannot read ${path}`, 'check the path given with --data', cause);
  });
  if (!found.isDirectory()) return [[path]];
  const entries = await readdir(path, { withFileTypes: true });
  const own = entries.filter((entry) => entry.isDirectory() && bare(entry.name) === bare(benchmark.name));
  for (const folder of [...own.map(({ name }) => join(path, name)), path]) {
    const names = (await readdir(folder)).filter((name) => DATA.test(name)).sort();
    const versions = benchmark.files
      .map((pattern) => names.filter((name) => pattern.test(name.replace(DATA, ''))))
      .filter((matching) => matching.length > 0);
    if (versions.length > 0) return versions.map((matching) => matching.map((name) => join(folder, name)));
  }
  const hub =
    benchmark.hub.length === 0
      ? 'name a file'
      : `leave --data out, or download ${benchmark.hub.join(', ')} from the Hugging Face hub`;
  throw new EvalPlannerError(
    'data',
    `${path} holds no files of ${benchmark.title}`,
    `${hub}, and give its folder with --data`,
  );
}

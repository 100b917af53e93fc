import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EvalPlannerError } from '../errors.ts';
import { sha256 } from '../rows/sha256.ts';
import { type Card, type CardFile, cardText, datasetName } from './card.ts';
import { datasetInfo, EXPORT_FORMATS } from './formats.ts';

/** What a folder of exports holds, for the next export into it. */
const CONTENTS = 'evalplanner.json';
const CARD = 'README.md';
const DATASET_INFO = 'dataset_info.json';

const count = z.number().int().nonnegative();
const contents = z.object({
  title: z.string(),
  /** Names that an export has begun to write: after a kill they are ours too. */
  writing: z.array(z.string()).exactOptional(),
  files: z.array(
    z.object({
      file: z.string(),
      kind: z.enum(['sft', 'dpo']),
      rows: count,
      bytes: count,
      sha256: z.string(),
      verdicts: z.object({ A: count, B: count, none: count }),
      format: z.enum(EXPORT_FORMATS),
      style: z.enum(['chat', 'text']),
      licence: z.string().nullable(),
      made: z.array(z.tuple([z.string(), z.string()])),
      check: z
        .object({
          longest: count,
          tokens: count,
          completions: count,
          whole: count,
          faults: z.record(z.string(), count),
        })
        .exactOptional(),
      audit: z.string().exactOptional(),
    }),
  ),
});

/** A folder of exports as it is found: what earlier ones have left there. */
export interface ExportFolder {
  /** Null where no export into it has ended. */
  readonly card: Card | null;
  /** Files that exports have written, or begun to. */
  readonly ours: ReadonlySet<string>;
  /** The entries of LLaMA-Factory's dataset_info.json, whoever made them. */
  readonly datasets: Readonly<Record<string, unknown>> | null;
}

/** Throws EvalPlannerError where something of it would be lost by writing files of these names: a README.md that is no card of ours, rows
 * that are not, a file that cannot be read. */
export async function readExportFolder(folder: string, names: readonly string[]): Promise<ExportFolder> {
  const remedy = 'mend it or move it away, or choose another folder with --out';
  const parsed = async (name: string): Promise<unknown> => {
    const text = await textOf(join(folder, name));
    try {
      return text === null ? null : (JSON.parse(text) as unknown);
    } catch (error) {
      throw new EvalPlannerError('data', `${join(folder, name)} is not JSON`, remedy, error);
    }
  };
  const datasets = await parsed(DATASET_INFO);
  if (typeof datasets !== 'object' || Array.isArray(datasets))
    throw new EvalPlannerError('data', `${join(folder, DATASET_INFO)} is no object`, remedy);
  const found = await parsed(CONTENTS);
  const card = found === null ? null : contents.safeParse(found);
  if (card && !card.success)
    throw new EvalPlannerError('data', `${join(folder, CONTENTS)} is damaged`, remedy, card.error);
  const { writing = [], ...described } = card?.data ?? { title: '', files: [] };
  const ended = described.files.length > 0 ? described : null;
  const ours = new Set([...writing, ...described.files.map(({ file }) => file)]);
  for (const name of names)
    if (!ours.has(name) && (await stat(join(folder, name)).catch(() => null)))
      throw new EvalPlannerError(
        'usage',
        `${join(folder, name)} is no export and would be overwritten`,
        'choose a folder of its own with --out',
      );
  const readme = await textOf(join(folder, CARD));
  if (!ended && readme !== null && !/^---\n[\s\S]*?\n- evalplanner\n[\s\S]*?\n---\n/.test(readme))
    throw new EvalPlannerError(
      'usage',
      `${join(folder, CARD)} is no card of an export and would be overwritten`,
      'choose a folder of its own with --out',
    );
  return { card: ended, ours, datasets: datasets as Record<string, unknown> | null };
}

/** The file that says, before rows of these names are written, that they are an export's. */
export function exportClaim(
  { card, ours }: ExportFolder,
  names: readonly string[],
): [name: string, text: string] {
  const writing = [...new Set([...ours, ...names])];
  return [CONTENTS, json({ ...(card ?? { title: '', files: [] }), writing })];
}

/** The files that describe a folder after an export of `files` into it, by name: earlier exports are described beside it as long as
 * their files are there as they were written; `changed` names those that are not. */
export async function describeExports(
  folder: string,
  { card, datasets }: ExportFolder,
  title: string | null,
  files: readonly CardFile[],
): Promise<{ readonly texts: ReadonlyMap<string, string>; readonly changed: readonly string[] }> {
  const fresh = new Set(files.map(({ file }) => file));
  const [kept, changed]: [CardFile[], string[]] = [[], []];
  for (const earlier of card?.files ?? []) {
    if (fresh.has(earlier.file)) continue;
    const path = join(folder, earlier.file);
    const there = await stat(path).catch(() => null);
    const same = there?.size === earlier.bytes && (await sha256(path)) === earlier.sha256;
    if (same) kept.push(earlier);
    else changed.push(earlier.file);
  }
  const whole: Card = { title: title ?? card?.title ?? '', files: [...kept, ...files] };
  const texts = new Map([[CONTENTS, json(whole)]]);
  const info = withDatasets(datasets, whole.files);
  if (info) texts.set(DATASET_INFO, json(info));
  return { texts: texts.set(CARD, cardText(whole)), changed };
}

/** LLaMA-Factory's entries for its files, in place of those that were made of them before; null where there are none to write. */
function withDatasets(datasets: ExportFolder['datasets'], files: readonly CardFile[]): object | null {
  const described = new Set(files.map(({ file }) => file));
  const others = Object.entries(datasets ?? {}).filter(
    ([, entry]) => !described.has(String((entry as { file_name?: unknown } | null)?.file_name)),
  );
  const own = files
    .filter(({ format }) => format === 'llama-factory')
    .map((file) => [datasetName(file, files), datasetInfo(file.file, file.kind)] as const);
  for (const [name] of own)
    if (others.some(([other]) => other === name))
      throw new EvalPlannerError(
        'usage',
        `${DATASET_INFO} has another dataset that is called ${name}`,
        'choose another folder with --out, or rename the source',
      );
  return datasets === null && own.length === 0 ? null : Object.fromEntries([...others, ...own]);
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

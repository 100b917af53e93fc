import { createHash } from 'node:crypto';
import { EvalPlannerError } from '../errors.ts';
import { readRows } from '../rows/read.ts';
import type { SourceRow } from '../rows/row.ts';
import { sha256 } from '../rows/sha256.ts';
import { sourceFiles } from '../rows/sources.ts';
import type { Instruction, Source } from '../source.ts';
import { normalised } from '../text/duplicates.ts';
import { type Account, leave, newAccount } from './account.ts';
import { type SelectOptions, selectInstructions } from './select.ts';

export interface DataOptions extends Omit<SelectOptions, 'onBadRow'> {
  readonly kind: Source['kind'];
  /** Files, folders, globs, and data sets on the hub; or rows as a file would have them. */
  readonly from: readonly string[] | { readonly rows: readonly object[] };
  /** The same for splits that are given and not cut. */
  readonly given: Readonly<Partial<Record<string, readonly string[]>>>;
  /** Leave rows out that cannot be read, and count them. */
  readonly skipBadRows: boolean;
}

/** Parts of twenty that a split has of a stream that it is cut from, by the hash of the instruction: wherever it stands and however
 * often, an instruction is of one split. */
const CUT: Readonly<Record<string, readonly number[]>> = { validation: [0, 1], test: [2, 3], dev: [4] };
const PARTS = 20;

/** Instructions or finished pairs of one's own, from files or the hub. Reads the files once for their revision. Throws
 * EvalPlannerError `data` or `network` for what is not there. */
export async function openData(options: DataOptions): Promise<Source> {
  const { kind, from, given, skipBadRows, ...select } = options;
  const files = 'rows' in from ? from : await filesOf(from);
  const splits = new Map<string, readonly string[]>();
  for (const [split, places] of Object.entries(given)) if (places) splits.set(split, await filesOf(places));
  const digest = createHash('sha256');
  if ('rows' in files) for (const row of files.rows) digest.update(`${JSON.stringify(row)}\n`);
  for (const [split, list] of [['train', 'rows' in files ? [] : files] as const, ...splits])
    for (const file of list) digest.update(`${split} ${await sha256(file)}\n`);
  let account: Account = newAccount();
  return {
    kind,
    revision: digest.digest('hex').slice(0, 16),
    account: () => account,
    instructions(split, signal) {
      const own = splits.get(split);
      const parts = CUT[split];
      if (split !== 'train' && own === undefined && parts === undefined) return null;
      const told = newAccount();
      account = told;
      const rows = allRows(own ?? files, skipBadRows, told, signal);
      const skip = skipBadRows ? { onBadRow: () => {} } : {};
      const selected = selectInstructions(rows, { ...select, ...skip }, told);
      if (own) return selected;
      const cut = new Set(
        split === 'train'
          ? Object.entries(CUT).flatMap(([name, of]) => (splits.has(name) ? [] : of))
          : (parts as readonly number[]),
      );
      return ofParts(selected, (part) => cut.has(part) !== (split === 'train'), told);
    },
  };
}

async function filesOf(places: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const place of places) files.push(...(await sourceFiles(place)).files);
  if (files.includes('-'))
    throw new EvalPlannerError(
      'usage',
      'a run cannot read standard input: it reads its sources again when it goes on',
      'write it to a file and name that',
    );
  return files;
}

async function* allRows(
  files: readonly string[] | { readonly rows: readonly object[] },
  skipBadRows: boolean,
  account: Account,
  signal: AbortSignal | undefined,
): AsyncGenerator<SourceRow, void, undefined> {
  const onBadRow = (_: EvalPlannerError, rows: number) => {
    account.read += rows;
    leave(account, 'unreadable', rows);
  };
  if ('rows' in files) {
    for (const [i, value] of files.rows.entries()) yield { value, file: 'rows', at: `row ${i + 1}` };
    return;
  }
  for (const file of files)
    for await (const row of readRows(file, { onError: skipBadRows ? 'skip' : 'stop', onBadRow })) {
      signal?.throwIfAborted();
      yield row;
    }
}

async function* ofParts(
  instructions: AsyncIterable<Instruction>,
  wanted: (part: number) => boolean,
  account: Account,
): AsyncGenerator<Instruction, void, undefined> {
  for await (const instruction of instructions) {
    const hash = createHash('sha256').update(normalised(instruction.text)).digest();
    if (wanted(hash.readUInt32LE(0) % PARTS)) yield instruction;
    else {
      account.kept--;
      leave(account, 'of another split');
    }
  }
}

import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import type { SourceRow } from '../rows/row.ts';
import { sha256 } from '../rows/sha256.ts';
import { openRows } from '../rows/write.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import { type ExportFormat, type ExportStyle, exportedRow } from './formats.ts';
import { type TrainingRow, trainingRow } from './training-row.ts';

export interface ExportedFile {
  readonly file: string;
  readonly kind: TrainingRow['kind'];
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Of what is trained towards: of the completions, or of the chosen ones. */
  readonly verdicts: { readonly A: number; readonly B: number; readonly none: number };
}

export interface ExportOptions {
  readonly format: ExportFormat;
  readonly style: ExportStyle;
  /** Sees each row on its way. */
  readonly onRow?: (row: TrainingRow) => void;
  readonly signal?: AbortSignal;
}

/** Writes training rows as a trainer reads them to `path` (.jsonl or .parquet), streamed; the file is there as a whole or not at
 * all. A file holds rows of one kind: what a trainer would make of a mixture is not known.
 * Throws EvalPlannerError `data` for a row that is none or of another kind, `usage`, `disk`. */
export async function exportRows(
  rows: AsyncIterable<SourceRow>,
  path: string,
  { format, style, onRow, signal }: ExportOptions,
): Promise<ExportedFile> {
  if (style === 'text' && (format === 'together' || format === 'llama-factory'))
    throw new EvalPlannerError(
      'usage',
      `${format} puts every row through a chat template`,
      'choose --style chat, or --format trl or openrlhf',
    );
  if (format === 'together' && /\.parquet$/i.test(path))
    throw new EvalPlannerError(
      'usage',
      'Together takes Parquet only for rows that are tokenised already',
      'leave --parquet away: JSON lines are what it reads',
    );
  const writer = await openRows(path);
  const verdicts = { A: 0, B: 0, none: 0 };
  let kind: TrainingRow['kind'] | null = null;
  try {
    for await (const source of rows) {
      signal?.throwIfAborted();
      const row = trainingRow(source);
      kind ??= row.kind;
      if (row.kind !== kind)
        throw new EvalPlannerError(
          'data',
          `${source.at} is a row of ${row.kind}, and those before it are rows of ${kind}`,
          'give SFT rows and preference rows as files of their own',
        );
      const said = parseVerdict(row.kind === 'sft' ? row.completion : row.chosen).kind;
      verdicts[said === 'A' || said === 'B' ? said : 'none']++;
      onRow?.(row);
      await writer.write(exportedRow(row, format, style));
    }
    if (kind === null)
      throw new EvalPlannerError('data', `there are no rows for ${basename(path)}`, 'check the source');
    await writer.close();
  } catch (error) {
    await writer.discard();
    throw error;
  }
  const { size } = await stat(path);
  return {
    file: basename(path),
    kind,
    rows: writer.rows,
    bytes: size,
    sha256: await sha256(path),
    verdicts,
  };
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contamination } from '../audit/contamination.ts';
import { auditRow } from '../audit/row.ts';
import { type RowsAudit, RowsAuditor } from '../audit/rows.ts';
import { auditRun, type RunAudit } from '../audit/run.ts';
import { EvalPlannerError } from '../errors.ts';
import { readRows } from '../rows/read.ts';
import type { SourceRow } from '../rows/row.ts';
import { sourceFiles } from '../rows/sources.ts';
import type { RowWriter } from '../rows/write.ts';
import { readStore } from '../store.ts';
import { auditText, runText } from './audit-text.ts';
import { benchmarkIndex } from './benchmark-index.ts';
import { openOutput } from './files.ts';
import { type Manifest, manifest } from './manifest.ts';
import { collectEarly } from './memory.ts';
import { print, printable } from './terminal.ts';

export interface AuditCommand {
  readonly benchmarks?: string;
  readonly drop?: string;
  readonly hits?: string;
  readonly licence: string;
  readonly failOver?: number;
  readonly onError: 'stop' | 'skip';
  readonly json?: boolean;
}

export interface AuditReport {
  readonly manifest: Manifest;
  readonly run: RunAudit | null;
  readonly rows: RowsAudit;
  /** Rows that could not be read. */
  readonly bad: number;
  /** The first rows that repeat a benchmark's prompt; all of them with --hits. */
  readonly contaminated: readonly { readonly at: string; readonly found: readonly Contamination[] }[];
}

const SHOWN = 20;

/** `evalplanner audit SOURCES`: what training data, or all data of a run, would teach besides judging. */
export async function audit(
  sources: readonly string[],
  command: AuditCommand,
  signal: AbortSignal,
): Promise<void> {
  collectEarly();
  const runs = sources.filter((source) => existsSync(join(source, 'run.db')));
  if (runs.length > 0 && sources.length > 1)
    throw new EvalPlannerError('usage', 'a run is audited alone', 'name one run folder, or files');
  const run = runs[0];
  const files = run === undefined ? await filesOf(sources) : await dataOf(run);
  const index = command.benchmarks === undefined ? null : await benchmarkIndex(command.benchmarks);
  const hits: { at: string; found: readonly Contamination[] }[] = [];
  let at = '';
  let [clean, hitFile]: (RowWriter | null)[] = [null, null];
  let hitRows: { at: string; found: readonly Contamination[] } | null = null;
  const auditor = new RowsAuditor(
    index
      ? {
          index,
          onContaminated: (_, found) => {
            hitRows = { at, found };
            if (hits.length < SHOWN) hits.push(hitRows);
          },
        }
      : {},
  );
  let bad = 0;
  const skip = (error: EvalPlannerError) => {
    if (command.onError === 'stop') throw error;
    bad++;
    process.stderr.write(`left out: ${printable(error.message)}\n`);
  };
  try {
    clean = await openOutput(command.drop, files);
    hitFile = await openOutput(command.hits, files);
    for (const file of files) {
      for await (const row of readRows(file, { onError: command.onError, onBadRow: skip })) {
        signal.throwIfAborted();
        at = row.at;
        hitRows = null;
        const read = tryRow(row, skip);
        if (read === null) continue;
        if (auditor.add(read)) await clean?.write(row.value as object);
        if (hitRows) await hitFile?.write(hitRows);
      }
    }
    const report: AuditReport = {
      manifest: await manifest(run, files, command.licence),
      run: run === undefined ? null : runAudit(run),
      rows: auditor.report(),
      bad,
      contaminated: hits,
    };
    if (report.rows.rows === 0 && report.run === null)
      throw new EvalPlannerError('data', `${sources.join(', ')} holds no rows`, 'check the source');
    await clean?.close();
    await hitFile?.close();
    if (command.json) await print(`${JSON.stringify(report, null, 2)}\n`);
    else await print(`${report.run ? `${runText(report.run)}\n` : ''}${auditText(report)}`);
    gate(report, command);
  } catch (error) {
    await clean?.discard();
    await hitFile?.discard();
    throw error;
  }
}

function tryRow(row: SourceRow, skip: (error: EvalPlannerError) => void) {
  try {
    return auditRow(row);
  } catch (error) {
    if (!(error instanceof EvalPlannerError)) throw error;
    skip(error);
    return null;
  }
}

function gate({ rows }: AuditReport, { failOver }: AuditCommand): void {
  if (failOver === undefined) return;
  if (rows.contamination === null)
    throw new EvalPlannerError(
      'usage',
      '--fail-over needs benchmarks',
      'name their folder with --benchmarks',
    );
  const share = rows.contamination.rows / Math.max(1, rows.rows);
  if (share <= failOver) return;
  process.stderr.write(`${share.toFixed(4)} of the rows repeat a benchmark, above --fail-over ${failOver}\n`);
  process.exitCode = 1;
}

async function filesOf(sources: readonly string[]): Promise<string[]> {
  if (sources.length === 0)
    throw new EvalPlannerError('usage', 'there is nothing to audit', 'name a run folder or files of rows');
  const files: string[] = [];
  for (const source of sources) files.push(...(await sourceFiles(source)).files);
  return files;
}

/** The rows that a run has trained on. */
async function dataOf(run: string): Promise<string[]> {
  const folder = join(run, 'data');
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => join(folder, name));
}

function runAudit(run: string): RunAudit {
  using store = readStore(join(run, 'run.db'));
  return auditRun(store);
}

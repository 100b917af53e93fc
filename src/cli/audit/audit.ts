import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { benchmarkIndex, installedBenchmarks, shippedBenchmark } from '../../audit/benchmark-index.ts';
import type { BenchmarkIndex } from '../../audit/contamination.ts';
import { auditRow } from '../../audit/row.ts';
import { RowsAuditor } from '../../audit/rows.ts';
import { auditRun, type RunAudit } from '../../audit/run.ts';
import { EvalPlannerError } from '../../errors.ts';
import { collectEarly } from '../../open/memory.ts';
import { trainingsOf } from '../../pipeline/planned.ts';
import { costsRow } from '../../rows/fields.ts';
import { readRows } from '../../rows/read.ts';
import type { SourceRow } from '../../rows/row.ts';
import { sourceFiles } from '../../rows/sources.ts';
import type { RowWriter } from '../../rows/write.ts';
import { readStore } from '../../store/ledger.ts';
import { openOutput } from '../output.ts';
import { print, printable } from '../terminal.ts';
import { manifest } from './manifest.ts';
import { type AuditReport, auditText, runText } from './text.ts';

export interface AuditCommand {
  readonly benchmarks?: string;
  readonly drop?: string;
  readonly hits?: string;
  readonly licence: string;
  readonly failOver?: number;
  readonly onError: 'stop' | 'skip';
  readonly json?: boolean;
}

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
  for (const source of sources) await holdsNoRuns(source);
  const run = runs[0];
  const files = run === undefined ? await filesOf(sources) : dataOf(run);
  const index =
    command.benchmarks === undefined
      ? null
      : await benchmarkIndex(await installedBenchmarks(command.benchmarks));
  for (const option of ['drop', 'hits', 'failOver'] as const)
    if (index === null && command[option] !== undefined)
      throw new EvalPlannerError(
        'usage',
        `--${option === 'failOver' ? 'fail-over' : option} needs benchmarks`,
        'name their folder with --benchmarks',
      );
  if (
    command.drop !== undefined &&
    command.hits !== undefined &&
    resolve(command.drop) === resolve(command.hits)
  )
    throw new EvalPlannerError('usage', '--drop and --hits name one file', 'give each a file of its own');
  let [clean, hits]: (RowWriter | null)[] = [null, null];
  const auditor = new RowsAuditor(index);
  let bad = 0;
  const skip = (error: EvalPlannerError, rows = 1) => {
    bad += rows;
    process.stderr.write(`left out: ${printable(error.message)}\n`);
  };
  try {
    clean = await openOutput(command.drop, files);
    hits = await openOutput(command.hits, files);
    for (const file of files) {
      for await (const row of readRows(file, { onError: command.onError, onBadRow: skip })) {
        signal.throwIfAborted();
        const read = tryRow(row, command.onError, skip);
        if (read === null) continue;
        const found = auditor.add(read);
        if (found.length === 0) await clean?.write(row.value as object);
        else await hits?.write({ at: row.at, found });
      }
    }
    const report: AuditReport = {
      manifest: await manifest(run, files, command.licence),
      run: run === undefined ? null : await runAudit(run, index),
      rows: auditor.report(),
      bad,
    };
    if (report.rows.rows === 0 && report.run === null)
      throw new EvalPlannerError('data', `${sources.join(', ')} holds no rows`, 'check the source');
    await clean?.close();
    await hits?.close();
    if (command.json) await print(`${JSON.stringify(report, null, 2)}\n`);
    else await print(`${report.run ? `${runText(report.run)}\n` : ''}${auditText(report)}`);
    gate(report, command);
  } catch (error) {
    await clean?.discard();
    await hits?.discard();
    throw error;
  }
}

function tryRow(row: SourceRow, onError: 'stop' | 'skip', skip: (error: EvalPlannerError) => void) {
  try {
    return auditRow(row);
  } catch (error) {
    if (!costsRow(error, onError)) throw error;
    skip(error);
    return null;
  }
}

function gate({ rows }: AuditReport, { failOver }: AuditCommand): void {
  if (failOver === undefined || rows.contamination === null) return;
  const share = rows.contamination.rows / Math.max(1, rows.rows);
  if (share <= failOver) return;
  process.stderr.write(`${share.toFixed(4)} of the rows repeat a benchmark, above --fail-over ${failOver}\n`);
  process.exitCode = 1;
}

/** A folder of runs would be read as the rows of all of them, with whatever else they hold. */
async function holdsNoRuns(source: string): Promise<void> {
  const entries = await readdir(source).catch(() => []);
  const run = entries.find((entry) => existsSync(join(source, entry, 'run.db')));
  if (run !== undefined)
    throw new EvalPlannerError(
      'usage',
      `${source} is a folder of runs`,
      `name one of them, as ${join(source, run)}`,
    );
}

async function filesOf(sources: readonly string[]): Promise<string[]> {
  if (sources.length === 0)
    throw new EvalPlannerError('usage', 'there is nothing to audit', 'name a run folder or files of rows');
  const files: string[] = [];
  for (const source of sources) files.push(...(await sourceFiles(source)).files);
  return files;
}

/** The rows that a run has trained on, controls too. */
function dataOf(run: string): string[] {
  using store = readStore(join(run, 'run.db'));
  return trainingsOf(store, run).flatMap(({ file }) => file ?? []);
}

/** A run's instructions are held against what comes with the package, too; its rows hold them within the prompts of a judge. */
async function runAudit(run: string, index: BenchmarkIndex | null): Promise<RunAudit> {
  const all = await benchmarkIndex([shippedBenchmark()], index ?? undefined);
  using store = readStore(join(run, 'run.db'));
  const { pairs, thoughts } = store.counts();
  if (Object.keys(pairs).length + Object.keys(thoughts).length === 0)
    throw new EvalPlannerError(
      'data',
      `${run} holds no training data`,
      'name the folder of a run that trains, or files of rows',
    );
  return auditRun(store, all);
}

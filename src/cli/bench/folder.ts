import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EvalPlannerError } from '../../errors.ts';
import type { BenchmarkReport } from '../../report/bench/report.ts';

/** config.json of a folder of `evalplanner bench`: all that its results are a function of, by what the user calls it. */
export interface BenchDescription {
  readonly kind: 'bench';
  readonly asked: Readonly<Record<string, string>>;
  /** Of the judge's weights, known once it is open. */
  readonly revision?: string;
}

/** `runs/bench-M2-DPO-3f2a91`, or `runs/bench-M2-DPO-int8-90c1de`: another judge or other options are another folder, the same command is the same one. */
export function defaultFolder({ asked }: BenchDescription): string {
  const digest = createHash('sha256').update(JSON.stringify(asked)).digest('hex').slice(0, 6);
  const judge = basename(asked.judge ?? 'judge').replace(/[^\w.-]+/g, '-');
  const type = asked['--quantization'];
  return join('runs', `bench-${judge.slice(0, 40)}${type === undefined ? '' : `-${type}`}-${digest}`);
}

/** Refuses a folder that is not this run's, before anything in it is touched. */
export function checkBenchFolder(folder: string, wanted: BenchDescription): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory())
    throw new EvalPlannerError('run', `${folder} is a file`, 'choose another folder with --out');
  const found = readDescription(folder);
  if (found === null) {
    const strangers = readdirSync(folder).filter((name) => !/^(?:config\.json|run\.db)/.test(name));
    if (strangers.length === 0) return;
    const what = `${folder} holds other files (${strangers.slice(0, 3).join(', ')}) and no benchmark run`;
    throw new EvalPlannerError('run', what, 'choose a new or empty folder with --out');
  }
  if (found.kind !== 'bench') {
    const what = `${folder} holds a run of another command`;
    throw new EvalPlannerError('run', what, 'choose another folder with --out');
  }
  const mine: Readonly<Record<string, string>> = {
    ...wanted.asked,
    ...(wanted.revision ? { 'revision of the judge': wanted.revision } : {}),
  };
  const theirs: Readonly<Record<string, string>> = {
    ...found.asked,
    ...(wanted.revision && found.revision ? { 'revision of the judge': found.revision } : {}),
  };
  for (const name of new Set([...Object.keys(theirs), ...Object.keys(mine)])) {
    // A run that stopped before its judge was open knows no revision.
    if (name === 'revision of the judge' && theirs[name] === undefined) continue;
    if (theirs[name] === mine[name]) continue;
    const differs = `${name} ${theirs[name] ?? 'not given'}, not ${mine[name] ?? 'left out'}`;
    throw new EvalPlannerError(
      'run',
      `${folder} holds another run: ${differs}`,
      'choose another folder with --out, or give the options of that run to go on with it',
    );
  }
}

/** Null where there is none or it is damaged: the ledger has what was paid for. */
function readDescription(folder: string): BenchDescription | null {
  try {
    const found = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as BenchDescription;
    if (found === null || typeof found !== 'object') return null;
    if (found.kind === 'bench' && (typeof found.asked !== 'object' || found.asked === null)) return null;
    return found;
  } catch {
    return null;
  }
}

/** Where a run keeps the verdicts of a benchmark. */
export function verdictsFile(folder: string, benchmark: string): string {
  return join(folder, 'verdicts', `${benchmark}.jsonl`);
}

/** report.json of a run's folder. Throws EvalPlannerError `run` where it has none of ours. */
export function readBenchReport(folder: string): BenchmarkReport {
  let text: string;
  try {
    text = readFileSync(join(folder, 'report.json'), 'utf8');
  } catch (cause) {
    const stopped = readDescription(folder)?.kind === 'bench';
    const what = stopped ? `the run in ${folder} is not finished` : `${folder} holds no benchmark run`;
    const remedy = stopped
      ? 'run its command again, it goes on where it stopped'
      : 'give a folder that `evalplanner bench … --out DIR` has written';
    throw new EvalPlannerError('run', what, remedy, cause);
  }
  const bad = (what: string, remedy: string, cause?: unknown) =>
    new EvalPlannerError('run', `${join(folder, 'report.json')} ${what}`, remedy, cause);
  let report: BenchmarkReport;
  try {
    report = JSON.parse(text) as BenchmarkReport;
  } catch (cause) {
    throw bad('is damaged', 'run the command of that run again: it writes its report anew', cause);
  }
  if (report?.kind !== 'bench' || !Array.isArray(report.benchmarks))
    throw bad(
      'is the report of another command',
      'give a folder that `evalplanner bench … --out DIR` has written',
    );
  if (report.schema !== 1)
    throw bad(
      `has schema ${report.schema}, this version reads 1`,
      'update evalplanner, or run the benchmark again',
    );
  return report;
}

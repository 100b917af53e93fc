import { basename, dirname, join, parse } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Way } from '../../benchmarks/choice.ts';
import type { Meter } from '../../benchmarks/effort.ts';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder, writeAtomically } from '../../files.ts';
import { settings } from '../../judging/settings.ts';
import { type JudgeSetup, type OpenJudge, openJudge } from '../../open/judge.ts';
import { version } from '../../package.ts';
import { renderBenchmarkReport } from '../../report/bench/page.ts';
import {
  type BenchmarkReport,
  type BenchResult,
  isOfChoices,
  isOfPairs,
  type JudgeFacts,
} from '../../report/bench/report.ts';
import { diskFailure } from '../../store/failure.ts';
import { keepSources } from '../output.ts';
import { type BenchDescription, checkBenchFolder, defaultFolder } from './folder.ts';

export interface BenchOptions extends JudgeSetup {
  readonly data?: string;
  readonly verdicts?: string;
  readonly saveVerdicts?: string;
  readonly out?: string;
  readonly orders: 'official' | 'both';
  readonly way?: Way;
  readonly limit?: number;
  readonly maxChars?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly failUnder?: number;
}

/** A bench at work. */
export interface BenchRun {
  /** Null for verdicts that were made elsewhere. */
  readonly judge: OpenJudge | null;
  /** Null where nothing is to be written. */
  readonly folder: string | null;
  /** Names this run among those that share its ledger. */
  readonly key: string;
}

/** A benchmark whose data are at hand. */
export interface Loaded {
  readonly name: string;
  /** Those on the disk that it was read from. */
  readonly files: readonly string[];
  /** Throws where this judge cannot play it, before anything is asked. */
  ready?(judge: OpenJudge): void;
  /** Has the judge play it, or reads the verdicts that were made elsewhere; null for a dry run. */
  score(run: BenchRun): Promise<{ readonly result: BenchResult; readonly rows: readonly object[] } | null>;
}

/** Opens the folder, the ledger in it and the judge, and closes them after the work, however that ends. */
export async function inFolder(
  loaded: readonly Loaded[],
  options: BenchOptions,
  signal: AbortSignal,
  work: (run: BenchRun) => Promise<void>,
): Promise<void> {
  const names = loaded.map(({ name }) => name);
  const description = describe(names, options);
  const folder = options.out ?? (options.verdicts === undefined ? defaultFolder(description) : null);
  const written = options.dryRun ? null : folder;
  const store = options.store ?? (folder === null ? undefined : join(folder, 'run.db'));
  if (options.saveVerdicts !== undefined) {
    // The ledger is one of them: it holds answers that were paid for.
    const given = [options.verdicts, store].filter((file) => file !== undefined);
    keepSources([...loaded.flatMap(({ files }) => files), ...given], options.saveVerdicts);
  }
  try {
    if (written !== null) {
      checkBenchFolder(written, description);
      makeFolder(written);
    }
    if (options.saveVerdicts !== undefined && !options.dryRun) makeFolder(dirname(options.saveVerdicts));
    const setup: JudgeSetup = { ...options, ...(store === undefined ? {} : { store }) };
    const judge = options.verdicts === undefined ? await openJudge(setup, signal) : null;
    try {
      const known = judge ? { ...description, revision: judge.model.revision } : description;
      if (written !== null) {
        checkBenchFolder(written, known);
        await writeAtomically(join(written, 'config.json'), `${JSON.stringify(known, null, 2)}\n`);
        makeFolder(join(written, 'verdicts'));
      }
      await work({ judge, folder: written, key: JSON.stringify(known) });
    } finally {
      await judge?.close();
    }
  } catch (error) {
    if (folder !== null && signal.aborted && error === signal.reason) {
      const what = `stopped; what was done so far is kept in ${folder}`;
      throw new EvalPlannerError('interrupted', what, 'run the same command again to go on where it stopped');
    }
    throw diskFailure(error, folder ?? options.saveVerdicts ?? '');
  }
}

/** What the results are a function of, but for the judge's weights and the data. */
function describe(names: readonly string[], options: BenchOptions): BenchDescription {
  const { data, verdicts, model, planModel, prompts, form, votes, plans, ties, reask, weighted } = options;
  const { quantization, temperature, maxTokens, orders, way, limit, maxChars, seed } = options;
  const asked: Record<string, unknown> = {
    benchmarks: names.join(' '),
    ...(verdicts === undefined ? { judge: model as string } : { verdicts }),
    '--quantization': quantization,
    '--data': data,
    '--plan-model': planModel,
    '--prompts': prompts,
    '--form': form,
    '--votes': votes,
    '--plans': plans,
    '--ties': ties,
    '--reask': reask,
    '--weighted': weighted,
    '--temperature': temperature,
    '--max-tokens': maxTokens,
    ...(verdicts === undefined ? { '--orders': orders } : {}),
    '--way': way,
    '--limit': limit,
    '--max-chars': maxChars,
    '--seed': seed,
  };
  const given = Object.entries(asked).filter(([, value]) => value !== undefined && value !== false);
  return { kind: 'bench', asked: Object.fromEntries(given.map(([name, value]) => [name, String(value)])) };
}

/** Milliseconds between two notes of the time in the ledger. */
const NOTED = 1000;

/** Keeps the time at work on a benchmark in the ledger, so that interrupted runs count; a run that is only looked at again costs
 * nothing. */
export class Stopwatch {
  readonly #run: BenchRun;
  readonly #stage: string;
  readonly #meter: Meter;
  #noted = performance.now();
  #asked = 0;

  constructor(run: BenchRun, benchmark: string, meter: Meter) {
    this.#run = run;
    // A ledger may serve several runs: the time is kept for this one.
    this.#stage = `bench ${benchmark} ${run.key}`;
    this.#meter = meter;
  }

  tick(): void {
    if (performance.now() - this.#noted > NOTED) this.note();
  }

  note(): void {
    const now = performance.now();
    const { judge } = this.#run;
    if (!judge?.dry && this.#meter.asked > this.#asked)
      judge?.ledger?.spend(this.#stage, { seconds: (now - this.#noted) / 1000, tokens: 0 });
    [this.#noted, this.#asked] = [now, this.#meter.asked];
  }

  get seconds(): number {
    return this.#run.judge?.ledger?.stage(this.#stage)?.seconds ?? 0;
  }
}

/** Writes report.html, then report.json: where that one is, the run is done. */
export async function writeReport(
  { judge, folder }: BenchRun,
  results: readonly BenchResult[],
  options: BenchOptions,
): Promise<void> {
  if (folder === null) return;
  const { data, seed, orders, limit, maxChars } = options;
  const report: BenchmarkReport = {
    kind: 'bench',
    schema: 1,
    version: version(),
    node: process.versions.node,
    judge: judgeFacts(judge, options),
    data: data ?? null,
    seed,
    selection: {
      orders: judge ? orders : 'as given',
      limit: limit ?? null,
      maxChars: maxChars ?? null,
    },
    benchmarks: results.filter(isOfPairs),
    choices: results.filter(isOfChoices),
  };
  await writeAtomically(join(folder, 'report.html'), renderBenchmarkReport(report));
  await writeAtomically(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
}

/** On stderr, after the results. */
export function tellPage({ folder }: BenchRun, { json }: BenchOptions): void {
  if (folder === null || json) return;
  process.stderr.write(`\nCharts and figures: ${pathToFileURL(join(folder, 'report.html')).href}\n`);
}

function judgeFacts(
  judge: OpenJudge | null,
  { model = '', quantization, verdicts = '' }: BenchOptions,
): JudgeFacts {
  if (judge === null)
    return { name: parse(verdicts).name, revision: null, settings: 'verdicts made elsewhere' };
  const { form, votes, plans, ties, reask, weighted, sampling } = settings(judge.model, judge.options);
  const { temperature, topP, maxTokens } = sampling;
  const words = [
    form,
    ...(plans > 1 ? [`${plans} plans`] : []),
    ...(votes > 1 ? [`${votes} votes`] : []),
    ...(ties ? ['ties allowed'] : []),
    ...(reask ? ['invalid ones asked again'] : []),
    ...(weighted ? ['weighted by log-probabilities'] : []),
    temperature === 0 ? 'greedy' : `temperature ${temperature}, top-p ${topP}`,
    `at most ${maxTokens} tokens`,
  ];
  const bare = judge.place.kind === 'folder' ? basename(model) : model;
  const name = quantization === undefined ? bare : `${bare} in ${quantization}`;
  return { name, revision: judge.model.revision, settings: words.join(', ') };
}

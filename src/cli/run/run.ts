import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { benchmarkIndex, installedBenchmarks, shippedBenchmark } from '../../audit/benchmark-index.ts';
import { addsOnly } from '../../config/additions.ts';
import { type Resolved, type RunConfig, resolveConfig, runIdentity } from '../../config.ts';
import type { Device } from '../../engine/device.ts';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder, writeAtomically } from '../../files.ts';
import type { Json } from '../../key.ts';
import { requireDevice } from '../../model/local/pool.ts';
import { collectEarly } from '../../open/memory.ts';
import { openRun, runFacts } from '../../open/run.ts';
import { version } from '../../package.ts';
import { checkRunFolder, type RunDescription } from '../../pipeline/folder.ts';
import type { Stage } from '../../pipeline/stage.ts';
import { run as runMethod, stagesOf } from '../../pipeline.ts';
import { PLAN_KINDS, planKind } from '../../playground/habits.ts';
import { ledgerReport, type RunFacts } from '../../report/run/from-ledger.ts';
import { renderReport } from '../../report/run/page.ts';
import type { Report } from '../../report/run/report.ts';
import { renderTable, tableOptions } from '../../report/run/table.ts';
import { diskFailure } from '../../store/failure.ts';
import { openStore } from '../../store/ledger.ts';
import type { Store } from '../../store.ts';
import { print, printable } from '../terminal.ts';
import { planText } from './plan.ts';
import { Progress } from './progress.ts';
import { dryRun } from './trial.ts';

export interface RunOptions {
  readonly config: RunConfig;
  /** What the config is called. */
  readonly name: string;
  /** Of the demo. */
  readonly preset?: string;
  /** Where the run lies. */
  readonly folder: string;
  /** A folder of benchmarks whose prompts the training instructions may repeat. */
  readonly benchmarks?: string;
  readonly device: Device;
  readonly json?: boolean;
  /** Tell what is left, and do nothing. */
  readonly dryRun?: boolean;
  /** The last stage to do, or the judge to come to. */
  readonly until?: string;
}

/** The whole method by a config, in this process; what is done already is not done again. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const { device, folder, name, preset } = options;
  collectEarly();
  await requireDevice(device, ['sampling', 'training']);
  const installed = [
    shippedBenchmark(),
    ...(options.benchmarks === undefined ? [] : await installedBenchmarks(options.benchmarks)),
  ];
  const { config, facts: made } = await runFacts(resolveConfig(options.config));
  const { seed } = config;
  const stages = stagesOf(config);
  const until = options.until === undefined ? undefined : stageCalled(options.until, stages);
  const description: RunDescription = {
    ...(preset === undefined ? {} : { preset }),
    seed,
    ...made,
    config: runIdentity(config),
  };
  checkRunFolder(folder, description);
  if (options.dryRun) return dryRun(config, folder, device, options.json === true, signal);
  try {
    makeFolder(folder);
    using store = openStore(join(folder, 'run.db'), {
      config: description as unknown as Json,
      mayChange: addsOnly,
    });
    await writeAtomically(join(folder, 'config.json'), `${JSON.stringify(description, null, 2)}\n`);
    const progress = new Progress(process.stderr);
    progress.stages = stages.length;
    const opened = await openRun({ config, folder, store, device });
    if (stages.some((stage) => store.stage(stage.name)?.status !== 'done'))
      process.stderr.write(`${planText(stages, store)}\n`);
    try {
      await runMethod(config, opened.ports, {
        signal,
        until,
        onEvent(event) {
          if (event.type === 'stage' && event.stage.status === 'done') peakMemory(store);
          progress.onEvent(event);
        },
      });
    } finally {
      progress.close();
      await opened.close();
    }
    const next = stages.find((stage) => store.stage(stage.name)?.status !== 'done');
    if (next !== undefined) {
      process.stderr.write(`done up to ${until}; next is ${next.name}: run it again without --until\n`);
      return;
    }
    const facts: RunFacts = {
      version: version(),
      node: process.versions.node,
      preset: name,
      seed,
      model: `${nameOf(config)}, revision ${made.model}`,
      peakRssMB: peakMemory(store),
      ...(config.prompts === 'playground' ? { planKinds: { kinds: PLAN_KINDS, of: planKind } } : {}),
    };
    const report = ledgerReport(store, opened.ports.prompts, facts, await benchmarkIndex(installed));
    await writeReport(folder, report, options.json === true);
  } catch (error) {
    throw signal.aborted && error === signal.reason ? stopped(folder) : diskFailure(error, folder);
  }
}

/** A stage by its name, or the training of a judge by the judge's. */
function stageCalled(name: string, stages: readonly Stage[]): string {
  const found =
    stages.find((stage) => stage.name === name) ??
    stages.find((stage) => stage.kind === 'judge' && stage.judge === name) ??
    stages.find((stage) => stage.kind === 'train' && stage.judge === name);
  if (found) return found.name;
  throw new EvalPlannerError(
    'usage',
    `there is no stage ${name}`,
    `choose one of: ${stages.map((stage) => stage.name).join(', ')}; or name a judge`,
  );
}

function nameOf({ models: { judge } }: Resolved): string {
  if (typeof judge !== 'string') return 'a model of its own';
  return judge === 'playground' ? 'seed model' : judge;
}

/** The largest resident memory of all processes that worked on the run, noted in the ledger; MB. */
function peakMemory(store: Store): number {
  const noted = Number(store.note('peakRssMB') ?? 0);
  const mine = process.resourceUsage().maxRSS / 1024;
  // A finished run that is only looked at again needs less than it took.
  if (mine <= noted) return noted;
  store.putNote('peakRssMB', mine);
  return mine;
}

async function writeReport(folder: string, report: Report, json: boolean): Promise<void> {
  const text = `${JSON.stringify(report, null, 2)}\n`;
  await writeAtomically(join(folder, 'report.json'), text);
  const page = join(folder, 'report.html');
  await writeAtomically(page, renderReport(report));
  await print(json ? text : renderTable(report, tableOptions(process.stdout)));
  for (const { seen, cause, remedy } of report.findings ?? [])
    process.stderr.write(
      `\nnote: ${printable(seen)}\n  likely: ${printable(cause)}\n  try: ${printable(remedy)}\n`,
    );
  if (!json) process.stderr.write(`\nThoughts, curves and figures: ${pathToFileURL(page).href}\n`);
}

function stopped(folder: string): EvalPlannerError {
  return new EvalPlannerError(
    'interrupted',
    `stopped; what was done so far is kept in ${folder}`,
    'run the same command again to continue where it stopped',
  );
}

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { benchmarkIndex, installedBenchmarks, shippedBenchmark } from '../../audit/benchmark-index.ts';
import { type Resolved, type RunConfig, resolveConfig, runIdentity } from '../../config.ts';
import type { Device } from '../../engine/device.ts';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder, writeAtomically } from '../../files.ts';
import type { Json } from '../../key.ts';
import { requireDevice } from '../../model/local/pool.ts';
import { collectEarly } from '../../open/memory.ts';
import { openRun, promptSet, runFacts } from '../../open/run.ts';
import { version } from '../../package.ts';
import { checkRunFolder, type RunDescription } from '../../pipeline/folder.ts';
import { run as runMethod, stagesOf } from '../../pipeline.ts';
import { PLAN_KINDS, planKind } from '../../playground/habits.ts';
import { ledgerReport, type RunFacts } from '../../report/run/from-ledger.ts';
import { renderReport } from '../../report/run/page.ts';
import type { Report } from '../../report/run/report.ts';
import { renderTable, tableOptions } from '../../report/run/table.ts';
import { diskFailure } from '../../store/failure.ts';
import { openStore } from '../../store/ledger.ts';
import type { Store } from '../../store.ts';
import { print } from '../terminal.ts';
import { Progress } from './progress.ts';

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
  const config = resolveConfig(options.config);
  const { seed } = config;
  const made = await runFacts(config);
  const description: RunDescription = {
    ...(preset === undefined ? {} : { preset }),
    seed,
    ...made,
    config: runIdentity(config),
  };
  try {
    checkRunFolder(folder, description);
    makeFolder(folder);
    using store = openStore(join(folder, 'run.db'), { config: description as unknown as Json });
    await writeAtomically(join(folder, 'config.json'), `${JSON.stringify(description, null, 2)}\n`);
    const progress = new Progress(process.stderr);
    progress.stages = stagesOf(config).length;
    const opened = await openRun({ config, folder, store, device });
    try {
      await runMethod(config, opened.ports, {
        signal,
        onEvent(event) {
          if (event.type === 'stage' && event.stage.status === 'done') peakMemory(store);
          progress.onEvent(event);
        },
      });
    } finally {
      progress.close();
      await opened.close();
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
    const report = ledgerReport(store, promptSet(config.prompts), facts, await benchmarkIndex(installed));
    await writeReport(folder, report, options.json === true);
  } catch (error) {
    throw signal.aborted && error === signal.reason ? stopped(folder) : diskFailure(error, folder);
  }
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
  if (!json) process.stderr.write(`\nThoughts, curves and figures: ${pathToFileURL(page).href}\n`);
}

function stopped(folder: string): EvalPlannerError {
  return new EvalPlannerError(
    'interrupted',
    `stopped; what was done so far is kept in ${folder}`,
    'run the same command again to continue where it stopped',
  );
}

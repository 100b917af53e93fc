import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { benchmarkIndex, installedBenchmarks, shippedBenchmark } from '../../audit/benchmark-index.ts';
import type { RunConfig } from '../../config.ts';
import type { Device } from '../../engine/device.ts';
import { revision } from '../../engine/llama/checkpoint.ts';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder, writeAtomically } from '../../files.ts';
import type { Json } from '../../key.ts';
import { openCheckpoint } from '../../model/local/checkpoint.ts';
import { requireDevice } from '../../model/local/pool.ts';
import { embeddedPorts, type Wiring } from '../../open/run.ts';
import { readHeldOut, SEED_FOLDER, version } from '../../package.ts';
import { checkRunFolder, type RunDescription } from '../../pipeline/folder.ts';
import { type Observer, plan, run } from '../../pipeline.ts';
import { PLAN_KINDS, planKind } from '../../playground/habits.ts';
import { PLAYGROUND_PROMPTS } from '../../prompts/set.ts';
import { ledgerReport, type RunFacts } from '../../report/run/from-ledger.ts';
import { renderReport } from '../../report/run/page.ts';
import type { Report } from '../../report/run/report.ts';
import { renderTable, tableOptions } from '../../report/run/table.ts';
import { diskFailure } from '../../store/failure.ts';
import { openStore } from '../../store/ledger.ts';
import type { Store } from '../../store.ts';
import { PRESETS, type PresetName } from '../demo/presets.ts';
import { Progress } from '../progress.ts';
import { print } from '../terminal.ts';

export interface DemoOptions {
  readonly preset: string;
  readonly seed: number;
  readonly out?: string;
  readonly seedModel?: string;
  /** A folder of benchmarks whose prompts the training instructions may repeat. */
  readonly benchmarks?: string;
  readonly device: Device;
  readonly json?: boolean;
}

/** `evalplanner demo`: the whole loop in this process; what is done already is not done again. */
export async function demo(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const { preset, seed, device } = options;
  if (!Object.hasOwn(PRESETS, preset)) {
    throw new EvalPlannerError(
      'usage',
      `there is no preset ${preset}`,
      'choose --preset quick or --preset full',
    );
  }
  await requireDevice(device, ['sampling', 'training']);
  const installed = [
    shippedBenchmark(),
    ...(options.benchmarks === undefined ? [] : await installedBenchmarks(options.benchmarks)),
  ];
  const config: RunConfig = { ...PRESETS[preset as PresetName], seed };
  const folder = options.out ?? join('runs', `demo-${preset}-${seed}`);
  const seedModel = options.seedModel ?? join(SEED_FOLDER, 'model');
  const { split } = config.evaluation;
  const description: RunDescription = {
    preset,
    seed,
    model: revision((await openCheckpoint(seedModel)).parameters),
    heldOut: createHash('sha256').update(readHeldOut(split)).digest('hex').slice(0, 16),
    config: config as unknown as Json,
  };
  try {
    checkRunFolder(folder, description);
    makeFolder(folder);
    using store = openStore(join(folder, 'run.db'), { config: description as unknown as Json });
    await writeAtomically(join(folder, 'config.json'), `${JSON.stringify(description, null, 2)}\n`);
    const stages = await loop({ config, folder, seedModel, device, store, signal });
    const facts: RunFacts = {
      version: version(),
      node: process.versions.node,
      preset,
      seed,
      model: `seed model, revision ${description.model}`,
      peakRssMB: peakMemory(store),
      split,
      stages,
      planKinds: { kinds: PLAN_KINDS, of: planKind },
    };
    const report = ledgerReport(store, PLAYGROUND_PROMPTS, facts, await benchmarkIndex(installed));
    await writeReport(folder, report, options.json === true);
  } catch (error) {
    throw signal.aborted && error === signal.reason ? stopped(folder) : diskFailure(error, folder);
  }
}

/** Runs what is left; answers the names of all stages. */
async function loop(wiring: Wiring): Promise<string[]> {
  const { config, store } = wiring;
  const progress = new Progress(process.stderr);
  const observer: Observer = {
    stageStarted: (name, title) => progress.stageStarted(name, title),
    progress: (name, done, total, tokens) => progress.progress(name, done, total, tokens),
    stageFinished: (name, result) => {
      peakMemory(store);
      progress.stageFinished(name, result);
    },
  };
  const { ports, close } = embeddedPorts({ ...wiring, observer });
  try {
    const stages = plan(config, ports).map(({ name }) => name);
    progress.stages = stages.length;
    await run(config, ports);
    return stages;
  } finally {
    progress.close();
    await close();
  }
}

/** The largest resident memory of all processes that worked on the run, noted in the ledger; MB. */
function peakMemory(store: Store): number {
  const noted = (store.stage('memory')?.result ?? { peakRssMB: 0 }) as { readonly peakRssMB: number };
  const mine = process.resourceUsage().maxRSS / 1024;
  if (mine <= noted.peakRssMB) return noted.peakRssMB;
  // A finished run that is only looked at again needs less than it took.
  store.finishStage('memory', { peakRssMB: mine });
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

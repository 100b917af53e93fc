import { join } from 'node:path';
import { benchmarkIndex, installedBenchmarks, shippedBenchmark } from '../audit/benchmark-index.ts';
import { addsOnly } from '../config/additions.ts';
import { type Resolved, type RunConfig, resolveConfig } from '../config.ts';
import type { Device } from '../engine/device.ts';
import { EvalPlannerError } from '../errors.ts';
import { makeFolder, writeAtomically } from '../files.ts';
import type { Json } from '../key.ts';
import { version } from '../package.ts';
import { checkRunFolder, type RunDescription } from '../pipeline/folder.ts';
import { runIdentity } from '../pipeline/identity.ts';
import type { RunOptions, Stage } from '../pipeline/stage.ts';
import { run, stagesOf } from '../pipeline.ts';
import { PLAN_KINDS, planKind } from '../playground/habits.ts';
import { ledgerReport, type RunFacts } from '../report/run/from-ledger.ts';
import { renderReport } from '../report/run/page.ts';
import type { Report } from '../report/run/report.ts';
import { diskFailure } from '../store/failure.ts';
import { openStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import type { RunInputs } from './run.ts';

export interface RunInOptions extends RunOptions {
  /** What the built-in engine runs on; the CPU when absent. */
  readonly device?: Device;
  /** A folder of benchmarks whose prompts the training instructions may repeat. */
  readonly benchmarks?: string | undefined;
  /** What the report calls the run; of the demo its preset, too. */
  readonly name?: string;
  readonly preset?: string | undefined;
}

/** The whole method by a config, into a folder: its ledger, checkpoints, rows, report.json and report.html. What is done there already is not
 * done again; null where `until` ended it before its end. Throws EvalPlannerError, naming what to do; what came so far is kept. */
export async function runIn(
  folder: string,
  given: RunConfig,
  options: RunInOptions = {},
): Promise<Report | null> {
  const { device = 'cpu', preset, name = preset ?? 'own', signal, onEvent, onStart } = options;
  // The runtime is loaded where it computes, not with the package.
  const { requireDevice } = await import('../model/local/pool.ts');
  const { openRun } = await import('./run.ts');
  await requireDevice(device, ['sampling', 'training']);
  const installed = [
    shippedBenchmark(),
    ...(options.benchmarks === undefined ? [] : await installedBenchmarks(options.benchmarks)),
  ];
  const { config, inputs, description } = await describeRun(given, preset);
  const stages = stagesOf(config);
  const until = options.until === undefined ? undefined : stageCalled(options.until, stages);
  checkRunFolder(folder, description);
  try {
    makeFolder(folder);
    using store = openStore(join(folder, 'run.db'), {
      config: description as unknown as Json,
      mayChange: addsOnly,
    });
    const { ports, close } = await openRun({ config, inputs, folder, store, device });
    try {
      await run(config, ports, {
        signal,
        until,
        async onStart(...about) {
          await writeAtomically(join(folder, 'config.json'), `${JSON.stringify(description, null, 2)}\n`);
          await onStart?.(...about);
        },
        onEvent(event) {
          if (event.type === 'stage' && event.stage.status === 'done') peakMemory(store);
          onEvent?.(event);
        },
      });
    } finally {
      await close();
    }
    if (stages.some((stage) => store.stage(stage.name)?.status !== 'done')) return null;
    const facts: RunFacts = {
      version: version(),
      node: process.versions.node,
      preset: name,
      seed: config.seed,
      model: `${nameOf(config)}, revision ${description.model}`,
      peakRssMB: peakMemory(store),
      ...(config.prompts === 'playground' ? { planKinds: { kinds: PLAN_KINDS, of: planKind } } : {}),
    };
    const report = ledgerReport(store, ports.prompts, facts, await benchmarkIndex(installed));
    await writeAtomically(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    await writeAtomically(join(folder, 'report.html'), renderReport(report));
    return report;
  } catch (error) {
    throw diskFailure(error, folder);
  }
}

/** A config with its defaults, what a run of it reads, opened, and what it is a function of. */
export async function describeRun(
  given: RunConfig,
  preset?: string,
): Promise<{
  readonly config: Resolved;
  readonly inputs: RunInputs;
  readonly description: RunDescription;
}> {
  const { openInputs, runFacts } = await import('./run.ts');
  const resolved = resolveConfig(given);
  const inputs = await openInputs(resolved);
  const { config, facts } = await runFacts(resolved, inputs);
  const own = preset === undefined ? {} : { preset };
  const description = { ...own, seed: config.seed, ...facts, config: runIdentity(config) };
  return { config, inputs, description };
}

/** A stage by its name, or where a judge is measured by the judge's. */
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
  const name = typeof judge === 'string' ? judge : 'model' in judge ? judge.model : null;
  return name === null ? 'a model of its own' : name === 'playground' ? 'seed model' : name;
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

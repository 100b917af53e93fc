import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RunConfig } from '../../config.ts';
import type { Device } from '../../engine/device.ts';
import { EvalPlannerError } from '../../errors.ts';
import { collectEarly } from '../../open/memory.ts';
import { describeRun, runIn } from '../../open/run-in.ts';
import { checkRunFolder } from '../../pipeline/folder.ts';
import type { Report } from '../../report/run/report.ts';
import { renderTable, tableOptions } from '../../report/run/table.ts';
import { print, printable } from '../terminal.ts';
import { dryRun } from './dry-run.ts';
import { planText } from './plan.ts';
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
  /** Tell what is left, and do nothing. */
  readonly dryRun?: boolean;
  /** The last stage to do, or the judge to come to. */
  readonly until?: string;
}

/** The whole method by a config, told on the terminal. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<void> {
  const { config, folder, json = false, ...rest } = options;
  collectEarly();
  if (options.dryRun) {
    const { config: resolved, inputs, description } = await describeRun(config, options.preset);
    checkRunFolder(folder, description);
    return dryRun({ config: resolved, inputs, folder, device: options.device }, json, signal);
  }
  const progress = new Progress(process.stderr);
  try {
    const report = await runIn(folder, config, {
      ...rest,
      signal,
      onEvent: progress.onEvent,
      onStart(stages, store) {
        progress.stages = stages.length;
        if (stages.some((stage) => store.stage(stage.name)?.status !== 'done'))
          process.stderr.write(`${planText(stages, store)}\n`);
      },
    });
    progress.close();
    if (report) await tell(folder, report, json);
    else process.stderr.write(`done up to ${options.until}: run it again without --until to go on\n`);
  } catch (error) {
    progress.close();
    throw signal.aborted && error === signal.reason ? stopped(folder) : error;
  }
}

async function tell(folder: string, report: Report, json: boolean): Promise<void> {
  await print(
    json ? `${JSON.stringify(report, null, 2)}\n` : renderTable(report, tableOptions(process.stdout)),
  );
  for (const { seen, cause, remedy } of report.findings ?? [])
    process.stderr.write(
      `\nnote: ${printable(seen)}\n  likely: ${printable(cause)}\n  try: ${printable(remedy)}\n`,
    );
  if (!json)
    process.stderr.write(
      `\nThoughts, curves and figures: ${pathToFileURL(join(folder, 'report.html')).href}\n`,
    );
}

function stopped(folder: string): EvalPlannerError {
  return new EvalPlannerError(
    'interrupted',
    `stopped; what was done so far is kept in ${folder}`,
    'run the same command again to continue where it stopped',
  );
}

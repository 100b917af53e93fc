import { extname } from 'node:path';
import type { Device } from '../../engine/device.ts';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder } from '../../files.ts';
import { localPlace } from '../../model/local/hub.ts';
import { openEmbedded } from '../../model/open-embedded.ts';
import { folderOf, inFolder } from '../../open/names.ts';
import { type JudgeFile, readJudgeFile, writeJudgeFile } from '../../pipeline/judge-file.ts';
import { significant, whole } from '../../report/format.ts';
import { readRows } from '../../rows/read.ts';
import { diskFailure } from '../../store/failure.ts';
import { openEmbeddedTrainer } from '../../trainer/open-embedded.ts';
import {
  type Optimisation,
  type TrainJob,
  type TrainSettings,
  type TrainStep,
  trainKey,
} from '../../trainer.ts';
import { ProgressLine } from '../progress-line.ts';
import { print } from '../terminal.ts';

export interface TrainCommand {
  readonly rows: string;
  readonly model: string;
  readonly out: string;
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly verdictWeight: number;
  readonly beta: number;
  readonly nllWeight: number;
  readonly maxLength: number;
  readonly checkpoints: number;
  readonly loraRank?: number;
  readonly loraAlpha?: number;
  readonly seed: number;
  readonly device: Device;
  readonly json?: boolean;
}

/** `evalplanner train`: SFT or DPO, as the rows are. */
export async function train(command: TrainCommand, signal: AbortSignal): Promise<void> {
  const { rows, out } = command;
  if (extname(rows) !== '.jsonl')
    throw new EvalPlannerError('usage', `${rows} is no .jsonl file`, 'give JSON lines, one row each');
  const settings = settingsOf(await kindOf(rows), command);
  const model = folderOf(command.model, 'a training starts from');
  const key = await trainKey(await inFolder(command.model, model, revisionOf), settings);
  const known = await knownTo(model);
  const job = { ...settings, key, model, out } as TrainJob;
  const trainer = await openEmbeddedTrainer({ device: command.device });
  const lines: ProgressLine[] = [];
  try {
    makeFolder(out);
    const { checkpoints, steps, dropped } = await trainer.train(
      job,
      (step) => {
        lines[0] ??= new ProgressLine(job.kind, step.steps, 'step');
        lines[0].show(step.step);
      },
      signal,
      (message) => process.stderr.write(`note: ${message}\n`),
    );
    lines[0]?.clear();
    if (known !== null) for (const path of checkpoints) await writeJudgeFile(path, known);
    if (command.json) {
      await print(`${JSON.stringify({ kind: job.kind, checkpoints, steps, dropped }, null, 2)}\n`);
      return;
    }
    if (dropped > 0)
      process.stderr.write(`note: ${whole(dropped)} rows are longer than --max-length, left out\n`);
    await print(`${told(job.kind, steps.at(-1))}\n${checkpoints.join('\n')}\n`);
  } catch (error) {
    lines[0]?.clear();
    throw diskFailure(error, out);
  } finally {
    await trainer.close();
  }
}

/** A judge that is trained further is asked as before; what it was trained on, these rows do not tell. */
async function knownTo(start: string): Promise<JudgeFile | null> {
  const file = await readJudgeFile(await localPlace(start));
  if (file === null) return null;
  const { sources: _, trained: __, ...known } = file;
  return known;
}

/** Apart, so that nothing holds its weights any more when they are read to be trained. */
async function revisionOf(model: string): Promise<string> {
  const start = await openEmbedded(model);
  await start.close();
  return start.revision;
}

/** By the first row. */
async function kindOf(path: string): Promise<TrainJob['kind']> {
  for await (const { value } of readRows(path)) {
    if (typeof value === 'object' && value !== null && 'completion' in value) return 'sft';
    if (typeof value === 'object' && value !== null && 'chosen' in value) return 'dpo';
    break;
  }
  throw new EvalPlannerError(
    'data',
    `the first row of ${path} is none to train on`,
    'give rows {prompt, completion} for SFT, or {prompt, chosen, rejected} for DPO',
  );
}

function settingsOf(kind: TrainJob['kind'], command: TrainCommand): TrainSettings {
  const { rows, learningRate, warmupSteps, epochs, batchSize, maxLength, checkpoints, seed } = command;
  const { loraRank, loraAlpha = 2 * (loraRank ?? 0), beta, nllWeight, verdictWeight } = command;
  const optimisation: Optimisation = {
    learningRate,
    warmupSteps,
    epochs,
    batchSize,
    maxLength,
    checkpoints,
    seed,
    weightDecay: 0.1,
    betas: [0.9, 0.95],
    maxGradNorm: 1,
    ...(loraRank === undefined
      ? {}
      : { lora: { rank: loraRank, alpha: loraAlpha, targets: 'all-linear' as const } }),
  };
  return kind === 'dpo'
    ? { kind, rows, optimisation, beta, nllWeight }
    : { kind, rows, optimisation, verdictWeight };
}

function told(kind: string, step: TrainStep | undefined): string {
  if (step === undefined) return `${kind}: no step`;
  const margin = step.margin === undefined ? '' : `, margin ${significant(step.margin)}`;
  return `${kind}: ${whole(step.steps)} steps, loss ${significant(step.loss)}${margin}`;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isModel } from '../../config/model.ts';
import type { TrainerChoice } from '../../config/trainer.ts';
import type { Resolved } from '../../config.ts';
import { EvalPlannerError } from '../../errors.ts';
import { writeLinesAtomically } from '../../files.ts';
import { folderOf } from '../../open/names.ts';
import { openTrainer } from '../../open/trainer.ts';
import { readHeldOut } from '../../package.ts';
import { significant } from '../../report/format.ts';
import type { Trainer, TrainStep } from '../../trainer.ts';
import type { ResponsePair } from '../../types.ts';
import { fasterTrl, type TrainerSpeeds, writeTrainerSpeeds } from '../trainer-speeds.ts';
import type { Check } from './check.ts';

/** What is compared, by the names that are told; TRL by the interpreter of the config, where it names one. */
function waysOf(config: Resolved | undefined): Record<string, TrainerChoice> {
  const { trainer } = config ?? {};
  const python =
    typeof trainer === 'object' && 'kind' in trainer && trainer.kind === 'trl' ? trainer.python : undefined;
  return {
    embedded: 'embedded',
    'TRL in float32': { kind: 'trl', precision: 'float32', python },
    'TRL in bfloat16': { kind: 'trl', precision: 'bfloat16', python },
  };
}

/** Steps of each, of which the first ones compile and warm up. */
const STEPS = 6;
const WARM = 2;
const ROWS = 8;

/** What is trained: the judge of a config by its LoRA, or the seed model. */
export interface Trained {
  readonly model: string;
  readonly lora?: Resolved['lora'];
}

/** Times a few steps of the same rows by each trainer that is here, keeps what it found for `init`, and tells it. */
export async function trainersCheck(config: Resolved | undefined): Promise<Check> {
  const trained = trainedOf(config);
  const { Pool } = await import('../../engine/parallel/pool.ts');
  const opened = Object.entries(waysOf(config)).map(
    ([name, choice]) => [name, () => openTrainer(choice, () => new Pool(), trained.model)] as const,
  );
  const seconds = await timeTrainers(Object.fromEntries(opened), trained);
  const speeds: TrainerSpeeds = { model: trained.model, seconds };
  await writeTrainerSpeeds(speeds);
  return told(speeds);
}

function trainedOf(config: Resolved | undefined): Trained {
  if (config === undefined) return { model: folderOf('playground', 'it') };
  const { judge } = config.models;
  if (isModel(judge))
    throw new EvalPlannerError('usage', 'a model of your own cannot be trained', 'name a checkpoint');
  const name = typeof judge === 'string' ? judge : judge.model;
  return { model: folderOf(name, 'trainers take'), lora: config.lora };
}

/** Seconds of a step by each trainer; one that lacks what it needs, as TRL its packages, is left out. */
export async function timeTrainers(
  ways: Readonly<Record<string, () => Promise<Trainer>>>,
  { model, lora }: Trained,
): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), 'evalplanner-trainers-'));
  const seconds: Record<string, number> = {};
  try {
    const rows = join(folder, 'rows.jsonl');
    await writeLinesAtomically(rows, exampleRows());
    const optimisation = {
      ...{ learningRate: 1e-6, warmupSteps: 0, weightDecay: 0, betas: [0.9, 0.95] as const, maxGradNorm: 1 },
      ...{ epochs: 1, batchSize: ROWS, maxLength: 256, seed: 0, checkpoints: 1 },
      ...(lora ? { lora: lora as NonNullable<typeof lora> & { merge: boolean } } : {}),
    };
    for (const [name, open] of Object.entries(ways)) {
      const trainer = await open();
      const steps: TrainStep[] = [];
      try {
        await trainer.ready?.();
        const out = join(folder, name);
        await trainer.train({ kind: 'sft', key: name, model, rows, out, optimisation }, (step) => {
          steps.push(step);
        });
      } catch (error) {
        // Not installed is no fault of what is compared.
        if (!(error instanceof EvalPlannerError && error.code === 'usage')) throw error;
        continue;
      } finally {
        await trainer.close();
        await rm(join(folder, name), { recursive: true, force: true });
      }
      const warm = steps.slice(WARM).map((step) => step.seconds);
      seconds[name] = warm.toSorted((a, b) => a - b)[warm.length >> 1] as number;
    }
    return seconds;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As many as the steps take, of the playground: every model reads them, the seed model among them. */
function exampleRows(): object[] {
  const lines = readHeldOut('dev').split('\n').filter(Boolean);
  return lines.slice(0, STEPS * ROWS).map((line) => {
    const { instruction, chosen } = JSON.parse(line) as ResponsePair;
    return { prompt: instruction, completion: ` ${chosen}` };
  });
}

function told({ seconds, model }: TrainerSpeeds): Check {
  const name = 'trainers';
  const all = Object.entries(seconds).map(([way, one]) => `${way} ${significant(1000 * one)} ms`);
  const detail = `a step of ${ROWS} rows on ${model}: ${all.join(', ')}`;
  if (Object.keys(seconds).length < 2)
    return { name, status: 'none', detail, fix: 'evalplanner doctor --install trl, to compare with it' };
  const faster = fasterTrl({ seconds, model });
  return faster === null
    ? { name, status: 'ok', detail }
    : {
        name,
        status: 'ok',
        detail,
        fix: `TRL is ${faster.times.toFixed(1)} × as fast: trainer: { kind: trl, precision: ${faster.precision} }`,
      };
}

import { availableParallelism } from 'node:os';
import type { Device } from '../engine/device.ts';
import { revision, writeCheckpoint } from '../engine/llama/checkpoint.ts';
import type { LlamaConfig } from '../engine/llama/config.ts';
import { type BaseParameters, Parameters } from '../engine/llama/parameters.ts';
import {
  Adapter,
  allLinear,
  initialiseAdapter,
  type LoraConfig,
  loraShapes,
  unknownTargets,
} from '../engine/lora/adapter.ts';
import { adaptedRevision, writeAdapter } from '../engine/lora/checkpoint.ts';
import { mergeAdapter } from '../engine/lora/merge.ts';
import type { FlatTensors } from '../engine/tensors.ts';
import { EvalPlannerError } from '../errors.ts';
import {
  type ApartCheckpoint,
  baseNamed,
  openApart,
  openCheckpoint,
  openFrozen,
} from '../model/local/checkpoint.ts';
import type { Tokenizer } from '../model/local/tokenizer.ts';
import { random, seedOf } from '../random.ts';
import type { LoraOptions, TrainJob } from '../trainer.ts';

/** What a training changes, and how it is written: all weights of a checkpoint, or an adapter of it. */
export interface Trainee {
  readonly parameters: BaseParameters;
  /** Trained in place of the parameters. */
  readonly adapter?: Adapter;
  /** The one or the other. */
  readonly trained: FlatTensors;
  readonly tokenizer: Tokenizer;
  /** The tokenizer's, with the chat template if there is one. */
  readonly files: Readonly<Record<string, string>>;
  /** Identifies the start. */
  readonly revision: string;
  save(dir: string): Promise<void>;
  /** About what a checkpoint takes on disk. */
  readonly bytes: number;
}

export async function openTrainee(
  { model, optimisation }: Pick<TrainJob, 'model' | 'optimisation'>,
  device: Device,
): Promise<Trainee> {
  const { lora, seed } = optimisation;
  if (!lora) {
    const { parameters, tokenizer, files } = await openCheckpoint(model);
    const save = (dir: string) => writeCheckpoint(dir, parameters, { extraFiles: files });
    const bytes = parameters.flat.byteLength;
    return {
      parameters,
      trained: parameters,
      tokenizer,
      files,
      revision: revision(parameters),
      save,
      bytes,
    };
  }
  // Merging is into all of it, in float32; and nobody has tried another device with 16 bits.
  const wide = lora.merge || device !== 'cpu';
  const checkpoint = wide ? await openApart(model) : await openFrozen(model);
  const { parameters, tokenizer, files, base } = checkpoint;
  const adapter = startAdapter(model, checkpoint, lora, seed);
  return {
    parameters,
    adapter,
    trained: adapter,
    tokenizer,
    files,
    revision: checkpoint.adapter ? adaptedRevision(parameters, adapter) : revision(parameters),
    bytes: (lora.merge ? parameters : adapter).flat.byteLength,
    async save(dir) {
      if (!(parameters instanceof Parameters) || !lora.merge)
        return writeAdapter(dir, adapter, { ...baseNamed(base), extraFiles: files });
      const merged = new Parameters(parameters.config);
      merged.flat.set(parameters.flat);
      await mergeAdapter(merged, adapter, availableParallelism());
      await writeCheckpoint(dir, merged, { extraFiles: files });
    },
  };
}

/** The adapter that the model is, if it is one of that form, else a new one. */
function startAdapter(
  model: string,
  { parameters, adapter }: ApartCheckpoint<BaseParameters>,
  options: LoraOptions,
  seed: number,
): Adapter {
  const lora = loraConfig(parameters.config, options);
  if (!adapter) {
    const fresh = new Adapter(parameters.config, lora);
    initialiseAdapter(fresh, random(seedOf(seed, 'adapter')));
    return fresh;
  }
  const shapes = JSON.stringify(loraShapes(parameters.config, lora));
  if (adapter.lora.alpha !== lora.alpha || JSON.stringify(adapter.shapes) !== shapes) {
    const { rank, alpha, targets } = adapter.lora;
    throw new EvalPlannerError(
      'usage',
      `${model} is an adapter of rank ${rank} and alpha ${alpha} on ${targets.join(', ')}, and the training asks for another`,
      'train it on with its own rank, alpha and targets, or merge it into its base first and train a new one',
    );
  }
  return adapter;
}

/** Throws EvalPlannerError (`usage`) for settings that the model cannot have. */
function loraConfig(model: LlamaConfig, { rank, alpha, targets }: LoraOptions): LoraConfig {
  const list = targets === 'all-linear' ? allLinear(model) : targets;
  const [unknown] = unknownTargets(model, list);
  const choice = `choose among ${allLinear(model).join(', ')}, or 'all-linear'`;
  const fault = (what: string, remedy: string) => new EvalPlannerError('usage', `lora: ${what}`, remedy);
  if (!Number.isSafeInteger(rank) || rank < 1)
    throw fault(`the rank is ${rank}`, 'choose a whole number, 1 or more');
  if (!Number.isFinite(alpha)) throw fault(`alpha is ${alpha}`, 'choose a number, such as twice the rank');
  if (list.length === 0) throw fault('there are no targets', choice);
  if (unknown !== undefined) throw fault(`the model has no linear layer ${unknown}`, choice);
  return { rank, alpha, targets: list };
}

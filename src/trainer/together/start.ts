import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { tokenizerFiles } from '../../engine/model-folder.ts';
import { EvalPlannerError } from '../../errors.ts';
import { localPlace } from '../../model/local/hub.ts';
import { openTokenizer } from '../../model/local/open-tokenizer.ts';
import type { Tokenizer } from '../../model/local/tokenizer.ts';
import { chatTemplate } from '../../prompts/chat-template.ts';
import { sha256 } from '../../rows/sha256.ts';

/** What a checkpoint of the service says of where it is from, in its together.json. */
const origin = z.object({
  /** The fine-tuning job. */
  job: z.string().min(1),
  /** Of the job's steps. */
  step: z.int().positive(),
  /** Whether it is what the job ended with. */
  final: z.boolean(),
  /** What the job's model is called there. */
  model: z.string().min(1),
});

export type Origin = z.output<typeof origin>;

export const ORIGIN = 'together.json';

/** Null for a checkpoint from elsewhere. */
export async function readOrigin(folder: string): Promise<Origin | null> {
  const text = await readFile(join(folder, ORIGIN), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return origin.parse(JSON.parse(text));
  } catch (error) {
    throw new EvalPlannerError(
      'data',
      `${join(folder, ORIGIN)} is damaged: it says which job of together.ai this checkpoint is from`,
      'restore it from a copy, or start a new run in another folder',
      error,
    );
  }
}

/** The start of a training, as far as it is needed here: the service has the weights. */
export interface Start {
  /** The folder. */
  readonly folder: string;
  readonly origin: Origin | null;
  readonly tokenizer: Tokenizer;
  readonly files: Readonly<Record<string, string>>;
  /** Ends every row. */
  readonly eos: number;
  /** Tokens that it can be shown. */
  readonly longest: number;
}

/** Throws EvalPlannerError `model` for a folder that is no whole checkpoint. */
export async function openStart(name: string): Promise<Start> {
  const folder = await localPlace(name);
  const files = await tokenizerFiles(folder);
  const tokenizer = openTokenizer(folder, files);
  const config = await readConfig(folder);
  const { eos_token_id: named, max_position_embeddings: longest } = config;
  const eos = tokenizer.eos ?? [named].flat()[0];
  if (eos === undefined)
    throw new EvalPlannerError(
      'model',
      `${folder} names no token that ends a text`,
      'copy the tokenizer of these weights there: tokenizer.json and tokenizer_config.json',
    );
  return { folder, origin: await readOrigin(folder), tokenizer, files, eos, longest: longest ?? Infinity };
}

const config = z.looseObject({
  eos_token_id: z.union([z.int(), z.array(z.int()).min(1)]).optional(),
  max_position_embeddings: z.int().positive().optional(),
});

async function readConfig(folder: string): Promise<z.output<typeof config>> {
  const path = join(folder, 'config.json');
  try {
    return config.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    throw new EvalPlannerError(
      'model',
      `${path} cannot be read: the trainer together starts from the folder of a whole checkpoint`,
      'give models.judge the Hugging Face checkpoint of the model that trainer.model names, an adapter merged into it',
      error,
    );
  }
}

/** Fields of config.json by which two models of one shape are told from others. */
const SHAPE = ['model_type', 'vocab_size', 'hidden_size', 'num_hidden_layers'] as const;

/** The first field of config.json in which two checkpoints cannot be of one model; null where there is none. */
export async function otherShape(a: string, b: string): Promise<string | null> {
  const [first, second] = await Promise.all([readConfig(a), readConfig(b)]);
  const other = SHAPE.find((name) => first[name] !== second[name]);
  return other === undefined ? null : `${other} is ${second[other]}, and ${first[other]} in ${a}`;
}

/** Whether two folders hold the same weights, byte by byte. */
export async function sameWeights(a: string, b: string): Promise<boolean> {
  const digests = async (folder: string) => {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
    return Promise.all(names.map(async (name) => `${name} ${await sha256(join(folder, name))}`));
  };
  const [first, second] = [await digests(a), await digests(b)];
  return first.length > 0 && first.join() === second.join();
}

/** Whether there is a chat template among a tokenizer's files. */
export const hasTemplate = (files: Readonly<Record<string, string>>): boolean =>
  chatTemplate(files).source !== null;

import { rm } from 'node:fs/promises';
import { EvalPlannerError } from '../../errors.ts';
import { writeLinesAtomically } from '../../files.ts';
import { rendering } from '../../model/local/rendering.ts';
import type { Message } from '../../model.ts';
import { readRows } from '../../rows/read.ts';
import type { TrainJob } from '../../trainer.ts';
import { areMessages, readTokenRows, type TokenRows } from '../token-rows.ts';
import type { Start } from './start.ts';

/** tokens: token ids and masks, made here (Parquet); SFT only. messages: the service tokenises, by the template that it has for
 * the model (JSON lines). */
export type RowFormat = 'tokens' | 'messages';

export interface Upload {
  readonly path: string;
  readonly type: 'parquet' | 'jsonl';
  readonly rows: number;
  readonly dropped: number;
  /** Of one epoch; both texts of a preference. */
  readonly tokens: number;
  /** The share of what is uploaded that only fills rows up. */
  readonly padding: number;
  readonly longest: number;
}

/** Writes a job's rows as the service takes them, beside `path`, which gets the ending of its format. Rows that are too long are left
 * out as every trainer leaves them out. Throws EvalPlannerError `data`, naming file and line. */
export async function writeUpload(
  job: Pick<TrainJob, 'kind' | 'rows' | 'optimisation' | 'out'>,
  { tokenizer, files, eos, longest }: Start,
  format: RowFormat,
  path: string,
  signal?: AbortSignal,
): Promise<Upload> {
  const maxLength = Math.min(job.optimisation.maxLength, longest);
  const read = await readTokenRows(job, { tokenizer, files, eos, maxLength, signal });
  const { lengths, dropped, sequences } = read;
  if (lengths.length === 0)
    throw new EvalPlannerError(
      'data',
      `there is nothing to train ${job.out} on`,
      `give it rows whose prompt and completion fit into ${maxLength} tokens`,
    );
  const tokens = sequences.reduce((sum, { ids }) => sum + ids.length, 0);
  const widest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const told = { rows: lengths.length, dropped, tokens, longest: widest };
  if (job.kind === 'sft' && format === 'tokens') {
    await writeTokens(`${path}.parquet`, read, { eos, width: widest });
    return { ...told, path: `${path}.parquet`, type: 'parquet', padding: 1 - tokens / (widest * told.rows) };
  }
  const { harmless } = rendering(files, tokenizer);
  const shown = (messages: readonly Message[]) => harmless({ messages }).messages;
  await writeLinesAtomically(`${path}.jsonl`, messageRows(job, new Set(read.kept), shown));
  return { ...told, path: `${path}.jsonl`, type: 'jsonl', padding: 0 };
}

/** Rows of one table of the file. */
const GROUP = 1000;
/** What the service leaves out of the loss. */
const MASKED = -100;

/** The columns that are documented: input_ids, attention_mask, labels; rows are filled up to one length, as its example does. */
async function writeTokens(
  path: string,
  { sequences }: TokenRows,
  { eos, width }: { readonly eos: number; readonly width: number },
): Promise<void> {
  const { fileWriter, ParquetWriter } = await import('hyparquet-writer');
  const list = (name: string) =>
    [
      { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'INT32', repetition_type: 'OPTIONAL' },
    ] as const;
  const schema = [
    { name: 'root', num_children: 3 },
    ...['input_ids', 'attention_mask', 'labels'].flatMap(list),
  ];
  const filled = (width: number, from: ArrayLike<number>, fill: number) =>
    Array.from({ length: width }, (_, i) => from[i] ?? fill);
  await rm(path, { force: true });
  const writer = new ParquetWriter({ writer: fileWriter(path), schema });
  for (let at = 0; at < sequences.length; at += GROUP) {
    const group = sequences.slice(at, at + GROUP);
    const column = (name: string, row: (one: (typeof group)[number]) => number[]) => ({
      name,
      data: group.map(row),
    });
    const columnData = [
      column('input_ids', ({ ids }) => filled(width, ids, eos)),
      column('attention_mask', ({ ids }) => filled(width, new Uint8Array(ids.length).fill(1), 0)),
      column('labels', ({ ids, start }) =>
        filled(width, ids, MASKED).map((id, i) => (i < start ? MASKED : id)),
      ),
    ];
    await writer.write({ columnData, rowGroupSize: GROUP });
  }
  await writer.finish();
}

interface Row {
  readonly prompt: string | readonly Message[];
  readonly completion: string | readonly Message[];
  readonly chosen: string | readonly Message[];
  readonly rejected: string | readonly Message[];
}

/** Of SFT the service's conversations, or its instructions where rows are texts; of DPO its preferences. */
async function* messageRows(
  { kind, rows: path }: Pick<TrainJob, 'kind' | 'rows'>,
  kept: ReadonlySet<number>,
  shown: (messages: readonly Message[]) => readonly Message[],
): AsyncGenerator<object> {
  let number = 0;
  for await (const { value, at } of readRows(path)) {
    if (!kept.has(number++)) continue;
    const { prompt, completion, chosen, rejected } = value as Row;
    if (!areMessages(prompt)) {
      if (kind === 'dpo') throw textPreference(at);
      yield { prompt, completion: textOf(completion) };
    } else if (kind === 'sft') yield { messages: [...shown(prompt), said(completion)] };
    else
      yield {
        input: { messages: shown(prompt) },
        preferred_output: [said(chosen)],
        non_preferred_output: [said(rejected)],
      };
  }
}

const textOf = (given: string | readonly Message[]) =>
  typeof given === 'string' ? given : given.map(({ content }) => content).join('');
const said = (given: string | readonly Message[]) => ({ role: 'assistant', content: textOf(given) });

export const textPreference = (at: string) =>
  new EvalPlannerError(
    'data',
    `${at} is a preference between texts, and together.ai takes preferences between messages only`,
    'give models.judge a model with a chat template, or train by another trainer',
  );

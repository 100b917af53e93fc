import { basename } from 'node:path';
import type { Sequence } from '../engine/training/sequence.ts';
import { EvalPlannerError } from '../errors.ts';
import { rendering } from '../model/local/rendering.ts';
import type { Tokenizer } from '../model/local/tokenizer.ts';
import type { Message } from '../model.ts';
import { readRows } from '../rows/read.ts';
import type { TrainJob } from '../trainer.ts';
import { verdictSpan } from './verdict-span.ts';

export interface TokenRows {
  /** Of SFT one for each row, of DPO two: chosen, rejected. */
  readonly sequences: readonly Sequence<Int32Array>[];
  /** Of each row; the longer one's of the two. */
  readonly lengths: readonly number[];
  /** Which rows of the file they are, counted from 0. */
  readonly kept: readonly number[];
  /** Rows that are too long. */
  readonly dropped: number;
}

export interface TokenOptions {
  readonly tokenizer: Tokenizer;
  /** The tokenizer's, with the chat template if there is one: messages are shown as they are when the model is asked. */
  readonly files: Readonly<Record<string, string>>;
  /** Ends every sequence, as TRL ends its rows. */
  readonly eos: number;
  readonly maxLength: number;
  /** Of the tokens of a completion's verdict; that of others is 1. */
  readonly verdictWeight?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The rows of a file as token ids, read line by line: what is kept is 4 bytes a token, 12 in a
 * weighted completion, and no text.
 * Throws EvalPlannerError `data`, naming file and line. */
export async function readTokenRows(
  { kind, rows: path }: Pick<TrainJob, 'kind' | 'rows'>,
  { tokenizer, files, eos, maxLength, verdictWeight = 1, signal }: TokenOptions,
): Promise<TokenRows> {
  const shown = rendering(files, tokenizer);
  const names = kind === 'sft' ? ['completion'] : ['chosen', 'rejected'];
  const sequences: Sequence<Int32Array>[] = [];
  const lengths: number[] = [];
  const kept: number[] = [];
  let rows = 0;
  let verdicts = 0;
  for await (const { value, at } of readRows(path)) {
    signal?.throwIfAborted();
    rows++;
    const field = (name: string): string | readonly Message[] => {
      const found = (value as Readonly<Record<string, unknown>> | null)?.[name];
      if (typeof found === 'string' || areMessages(found)) return found;
      const format = kind === 'sft' ? '{prompt, completion}' : '{prompt, chosen, rejected}';
      throw new EvalPlannerError(
        'data',
        `${at} has no text ${name}`,
        `a row of ${kind} is ${format}, all texts or all lists of messages`,
      );
    };
    const prompt = field('prompt');
    const start =
      typeof prompt === 'string' ? tokenizer.start(prompt) : shown.render({ messages: prompt }).ids;
    const own = names.map((name): Sequence<Int32Array> => {
      const said = field(name);
      const rest = tokenizer.encode(
        typeof said === 'string' ? said : said.map(({ content }) => content).join(''),
      );
      const end = rest.at(-1) === eos ? [] : [eos];
      const sequence = { ids: Int32Array.from([...start, ...rest, ...end]), start: start.length };
      const span = verdictWeight === 1 ? null : verdictSpan(tokenizer, rest);
      if (!span) return sequence;
      verdicts++;
      const weights = new Array<number>(rest.length + end.length).fill(1).fill(verdictWeight, ...span);
      return { ...sequence, weights };
    });
    const length = Math.max(...own.map(({ ids }) => ids.length));
    if (length > maxLength) continue;
    sequences.push(...own);
    lengths.push(length);
    kept.push(rows - 1);
  }
  if (rows === 0)
    throw new EvalPlannerError(
      'data',
      `${basename(path)} holds no rows`,
      'give it a row or more to train on',
    );
  if (verdictWeight !== 1 && verdicts === 0)
    throw new EvalPlannerError(
      'data',
      `no row of ${basename(path)} has a verdict that could weigh ${verdictWeight}`,
      'let completions end in [[A]] or [[B]], or leave the weight out',
    );
  return { sequences, lengths, kept, dropped: rows - lengths.length };
}

export function areMessages(found: unknown): found is readonly Message[] {
  return (
    Array.isArray(found) &&
    found.length > 0 &&
    found.every((turn) => typeof turn?.role === 'string' && typeof turn.content === 'string')
  );
}

/** Of rows that are all too long. */
export const nothingFits = (out: string, maxLength: number): EvalPlannerError =>
  new EvalPlannerError(
    'data',
    `there is nothing to train ${out} on`,
    `give it rows whose prompt and completion fit into ${maxLength} tokens`,
  );

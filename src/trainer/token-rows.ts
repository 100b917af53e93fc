import { basename } from 'node:path';
import type { Sequence } from '../engine/training/sequence.ts';
import { EvalPlannerError } from '../errors.ts';
import type { Tokenizer } from '../model/local/tokenizer.ts';
import { readRows } from '../rows/read.ts';
import type { TrainJob } from '../trainer.ts';

export interface TokenRows {
  /** Of SFT one for each row, of DPO two: chosen, rejected. */
  readonly sequences: readonly Sequence<Int32Array>[];
  /** Of each row; the longer one's of the two. */
  readonly lengths: readonly number[];
  /** Rows that are too long. */
  readonly dropped: number;
}

export interface TokenOptions {
  readonly tokenizer: Tokenizer;
  /** Ends every sequence, as TRL ends its rows. */
  readonly eos: number;
  readonly maxLength: number;
  readonly signal?: AbortSignal | undefined;
}

/** The rows of a file as token ids, read line by line: what is kept is 4 bytes a token, and no text.
 * Throws EvalPlannerError `data`, naming file and line. */
export async function readTokenRows(
  { kind, rows: path }: Pick<TrainJob, 'kind' | 'rows'>,
  { tokenizer, eos, maxLength, signal }: TokenOptions,
): Promise<TokenRows> {
  const names = kind === 'sft' ? ['completion'] : ['chosen', 'rejected'];
  const sequences: Sequence<Int32Array>[] = [];
  const lengths: number[] = [];
  let rows = 0;
  for await (const { value, at } of readRows(path)) {
    signal?.throwIfAborted();
    rows++;
    const text = (name: string): string => {
      const found = (value as Readonly<Record<string, unknown>> | null)?.[name];
      if (typeof found === 'string') return found;
      const format = kind === 'sft' ? '{prompt, completion}' : '{prompt, chosen, rejected}';
      throw new EvalPlannerError(
        'data',
        `${at} has no text ${name}`,
        `a row of ${kind} is ${format}, all texts`,
      );
    };
    const start = tokenizer.start(text('prompt'));
    const own = names.map((name): Sequence<Int32Array> => {
      const rest = tokenizer.encode(text(name));
      const end = rest.at(-1) === eos ? [] : [eos];
      return { ids: Int32Array.from([...start, ...rest, ...end]), start: start.length };
    });
    const length = Math.max(...own.map(({ ids }) => ids.length));
    if (length > maxLength) continue;
    sequences.push(...own);
    lengths.push(length);
  }
  if (rows === 0)
    throw new EvalPlannerError(
      'data',
      `${basename(path)} holds no rows`,
      'give it a row or more to train on',
    );
  return { sequences, lengths, dropped: rows - lengths.length };
}

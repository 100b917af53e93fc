import type { EvalPlannerError } from '../errors.ts';
import { costsRow, NoPair } from '../rows/fields.ts';
import type { SourceRow } from '../rows/row.ts';
import type { SourceInstruction } from '../source.ts';
import { Duplicates } from '../text/duplicates.ts';
import { type Account, leave } from './account.ts';
import { type FilterOptions, filtered } from './filter.ts';
import { type Preset, readInstruction } from './presets.ts';
import { sample } from './sample.ts';

export interface SelectOptions extends FilterOptions {
  /** How rows are read; told by their fields where it is absent. */
  readonly preset?: Preset;
  /** Similarity, 0 to 1, from which an instruction counts as a copy of an earlier one; `null`: exact copies only. Default 0.8. */
  readonly duplicates?: number | null;
  /** Only so many, drawn from all that pass. */
  readonly sample?: number;
  /** Only the first so many that pass. */
  readonly limit?: number;
  readonly seed?: number;
  /** Benchmarks whose prompts an instruction may not repeat (`BenchmarkIndex`). */
  readonly benchmarks?: { find(text: string): readonly { readonly benchmark: string }[] };
  /** Hears of rows that are no instruction, which are left out; without it they throw. */
  readonly onBadRow?: (error: EvalPlannerError) => void;
}

/** The instructions of a data set that pass the filters and repeat no earlier one, streamed; `account` tells of every row. A
 * sample is drawn at the end of the rows, so it waits for them; in memory are its members, and what tells duplicates. */
export async function* selectInstructions(
  rows: AsyncIterable<SourceRow>,
  options: SelectOptions,
  account: Account,
): AsyncGenerator<SourceInstruction, void, undefined> {
  const { sample: size, limit = Infinity, seed = 0 } = options;
  const passed = passing(rows, options, account);
  const drawn =
    size === undefined
      ? passed
      : await sample(
          passed,
          size,
          seed,
          ({ text }) => text,
          () => {
            account.kept--;
            leave(account, 'not drawn');
          },
        );
  let count = 0;
  if (limit <= 0) return;
  for await (const instruction of drawn) {
    yield instruction;
    if (++count >= limit) break;
  }
  // Of a sample the rest was read, too.
  if (Array.isArray(drawn) && drawn.length > count) {
    account.kept -= drawn.length - count;
    account.left['over the limit'] = drawn.length - count;
  }
}

async function* passing(
  rows: AsyncIterable<SourceRow>,
  options: SelectOptions,
  account: Account,
): AsyncGenerator<SourceInstruction> {
  const seen = new Duplicates(options.duplicates === undefined ? 0.8 : options.duplicates);
  for await (const row of rows) {
    account.read++;
    let instruction: SourceInstruction;
    try {
      instruction = readInstruction(row, options.preset);
    } catch (error) {
      // Nothing is wrong with it: it says that there is no pair.
      if (error instanceof NoPair) {
        leave(account, error.reason);
        continue;
      }
      if (!options.onBadRow || !costsRow(error, 'skip')) throw error;
      options.onBadRow(error);
      leave(account, 'not an instruction');
      continue;
    }
    const reason =
      filtered(instruction, options) ??
      repeated(instruction, options) ??
      seen.check(identity(instruction))?.kind;
    if (reason != null) {
      leave(account, reason);
      continue;
    }
    account.kept++;
    yield instruction;
  }
}

function repeated({ text }: SourceInstruction, { benchmarks }: SelectOptions): string | null {
  const names = benchmarks?.find(text).map(({ benchmark }) => benchmark) ?? [];
  return names.length === 0 ? null : `repeats ${names.sort().join(', ')}`;
}

/** What a row repeats: its instruction, or as a whole where it brings both responses. */
function identity({ text, response, rejected }: SourceInstruction): string {
  return rejected === undefined ? text : `${text}\n${response}\n${rejected}`;
}

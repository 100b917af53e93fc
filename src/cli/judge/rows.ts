import { EvalPlannerError } from '../../errors.ts';
import type { Pair, Winner } from '../../judging/judgment.ts';
import type { Message } from '../../prompts/conversation.ts';
import { readRows } from '../../rows/read.ts';
import type { SourceRow } from '../../rows/row.ts';

/** What `judge FILE` reads of a row: a pair, with the verdict that it should get where the file says so. */
export interface PairRow {
  readonly at: string;
  readonly pair: Pair;
  readonly gold: Winner | null;
}

/** A row that is no pair, in its place among the others. */
export interface BadRow {
  readonly error: EvalPlannerError;
}

const INSTRUCTION = ['instruction', 'prompt', 'question', 'input', 'messages'];
/** Names of the two responses; of the last kind the first one is the better. */
const RESPONSES = [
  ['a', 'b'],
  ['response_a', 'response_b'],
  ['response_A', 'response_B'],
  ['response_1', 'response_2'],
  ['output_1', 'output_2'],
  ['chosen', 'rejected'],
] as const;
const GOLD = ['gold', 'label', 'winner'];

const REMEDY =
  'give rows with instruction, a and b (or chosen and rejected), and gold (A, B or tie) where it is known; or leave such rows out with --on-error skip';

/** The pairs of a file or of standard input (`-`), streamed. With `skip` a row that is none comes as an error in its place;
 * with `stop` it ends the reading. */
export async function* pairRows(path: string, onError: 'stop' | 'skip'): AsyncGenerator<PairRow | BadRow> {
  const bad: BadRow[] = [];
  for await (const row of readRows(path, { onError, onBadRow: (error) => bad.push({ error }) })) {
    yield* bad.splice(0);
    try {
      yield pairRow(row);
    } catch (error) {
      if (onError === 'stop' || !(error instanceof EvalPlannerError)) throw error;
      yield { error };
    }
  }
  yield* bad;
}

/** One row as a pair. Throws EvalPlannerError (`data`), naming file and row. */
export function pairRow({ value, at }: SourceRow): PairRow {
  const error = (what: string) => new EvalPlannerError('data', `${at} ${what}`, REMEDY);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw error('is not an object');
  const row = value as Readonly<Record<string, unknown>>;
  const has = (name: string) => Object.hasOwn(row, name) && row[name] !== null && row[name] !== undefined;
  const text = (name: string): string => {
    const found = row[name];
    if (typeof found !== 'string') throw error(`has no text in ${name}`);
    return found;
  };

  const asked = INSTRUCTION.find(has);
  if (asked === undefined) throw error(`has no instruction (nor ${INSTRUCTION.slice(1).join(', ')})`);
  const instruction = Array.isArray(row[asked]) ? messages(row[asked], error) : text(asked);
  if (instruction.length === 0) throw error(`has an empty ${asked}`);
  const names = RESPONSES.find(([first, second]) => has(first) && has(second));
  let responses: [string, string];
  if (names) responses = [text(names[0]), text(names[1])];
  else {
    const list = row.responses;
    if (!Array.isArray(list) || list.length !== 2) throw error('has no two responses (a and b)');
    if (!list.every((item) => typeof item === 'string')) throw error('has a response that is not a text');
    responses = list as [string, string];
  }
  const labelled = GOLD.find(has);
  const better = names?.[0] === 'chosen' ? 'A' : null;
  const gold = labelled === undefined ? better : goldOf(row[labelled]);
  if (gold === undefined) throw error(`has a ${labelled} that is not A, B or tie`);
  const id = has('id') ? row.id : has('pair_id') ? row.pair_id : undefined;
  if (id !== undefined && typeof id !== 'string' && typeof id !== 'number') {
    throw error('has an id that is neither a text nor a number');
  }
  return { at, pair: { ...(id === undefined ? {} : { id: String(id) }), instruction, responses }, gold };
}

function messages(list: readonly unknown[], error: (what: string) => EvalPlannerError): readonly Message[] {
  return list.map((turn) => {
    const { role, content } = (turn ?? {}) as { role?: unknown; content?: unknown };
    if ((role !== 'system' && role !== 'user' && role !== 'assistant') || typeof content !== 'string') {
      throw error('has a turn that is not {role, content}');
    }
    return { role, content };
  });
}

const NAMES: Readonly<Record<string, Winner>> = {
  a: 'A',
  b: 'B',
  tie: 'tie',
  'a>b': 'A',
  'b>a': 'B',
  'a=b': 'tie',
  c: 'tie',
  '1': 'A',
  '2': 'B',
  chosen: 'A',
  rejected: 'B',
};

function goldOf(value: unknown): Winner | undefined {
  return NAMES[String(value).trim().toLowerCase()];
}

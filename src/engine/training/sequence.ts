import { attentionBlocks } from '../ops/attention.ts';
import type { Sight } from '../ops/softmax.ts';

/** A prompt and its completion as token ids; the loss is on the completion only. */
export interface Sequence<Ids extends ArrayLike<number> = readonly number[]> {
  readonly ids: Ids;
  /** Index of the completion's first token, at least 1. */
  readonly start: number;
  /** Loss weight of each completion token; 1 when absent. */
  readonly weights?: readonly number[];
}

/** Many sequences are kept with their ids as `Int32Array`. */
export type AnySequence = Sequence<ArrayLike<number>>;

/** Sequences laid out for one run of a training graph: N tokens one after the other, without padding between them, R of which
 * predict a completion token. Only attention needs rows: B of T columns each, filled with groups: a sequence, or several that
 * begin alike: first what they share, once, then the rest of each, a branch. A token sees what its group shares and its own
 * branch, at the positions that they have in their sequence. */
export interface MicroBatch {
  /** N; where cells are empty the last tokens, one or more, are padding. */
  readonly tokens: number;
  readonly batch: number;
  readonly length: number;
  readonly targets: number;
  /** How many sequences the rows hold. */
  readonly sequences: number;
  /** [N] */
  readonly ids: BigInt64Array;
  /** [N] of each token in its sequence. */
  readonly positions: BigInt64Array;
  /** [B·T] the token in each column of each row; N − 1, which is padding then, in empty ones. */
  readonly cells: Int32Array;
  /** [N] the cell of each token, an empty one of padding. */
  readonly places: Int32Array;
  /** Of each cell. */
  readonly sight: Sight;
  /** [R] the token before each target. */
  readonly before: Int32Array;
  /** [N] each: the targets that a token is before, at most one for each sequence of its group and in no order; R − 1, which is
   * padding, where there is none. */
  readonly targetsAt: readonly Int32Array[];
  /** [R] */
  readonly labels: BigInt64Array;
  /** [R] loss weight of each target, the sum over its sequences. */
  readonly weights: Float32Array;
  /** [R] the first sequence (of 0..sequences−1) of each target; −1 for the padding, one or more, that brings R to a multiple
   * of TARGET_STEP. */
  readonly owner: Int32Array;
  /** [R] how many sequences the target is one of: those from `owner` on. */
  readonly owners: Int32Array;
}

/** Lengths and counts come in steps: the fewer shapes, the better the runtime uses its memory again. */
const LENGTH_STEP = 8;
export const TARGET_STEP = 64;
const roundUp = (value: number, step: number) => Math.ceil(value / step) * step;

/** The T of a micro-batch whose longest row is so long: attention takes it in equal blocks. */
const paddedLength = (length: number): number => roundUp(length, LENGTH_STEP * attentionBlocks(length));

/** Sequences that begin alike, by their indices: the tokens they share, the length of all. */
interface Group {
  readonly indices: readonly number[];
  readonly shared: number;
  readonly length: number;
}

/** How many tokens sequences have in common from the first on; of prompts only, where those differ in length. */
function sharedTokens(sequences: readonly AnySequence[]): number {
  const [first, ...others] = sequences as [AnySequence, ...AnySequence[]];
  let shared = first.ids.length;
  for (const { ids, start } of others) {
    if (start !== first.start) shared = Math.min(shared, start, first.start);
    let at = 0;
    while (at < shared && ids[at] === first.ids[at]) at++;
    shared = at;
  }
  return shared;
}

function groupOf(sequences: readonly AnySequence[], indices: readonly number[]): Group {
  const own = indices.map((index) => sequences[index] as AnySequence);
  const shared = sharedTokens(own);
  return { indices, shared, length: own.reduce((sum, { ids }) => sum + ids.length - shared, shared) };
}

const lengthOf = (groups: readonly Group[]): number => groups.reduce((sum, { length }) => sum + length, 0);

function layOut(
  sequences: readonly AnySequence[],
  rows: readonly (readonly Group[])[],
  { padId, unit }: LayoutOptions,
): MicroBatch {
  const batch = rows.length;
  const length = paddedLength(Math.max(...rows.map(lengthOf)));
  const used = rows.reduce((sum, groups) => sum + lengthOf(groups), 0);
  // Empty cells need a token that stands in for them.
  const tokens = used === batch * length ? used : roundUp(used + 1, LENGTH_STEP);
  const columns = () => new Int32Array(batch * length);
  const sight = { group: columns(), shared: columns(), branch: columns() };
  const cells = columns().fill(tokens - 1);
  const places = new Int32Array(tokens);
  const ids = new BigInt64Array(tokens).fill(BigInt(padId));
  const positions = new BigInt64Array(tokens);
  const targets: { before: number; label: number; weight: number; owner: number; owners: number }[] = [];
  const weight = ({ start, weights }: AnySequence, i: number) => weights?.[i - start] ?? 1;
  let first = 0;
  let token = 0;
  for (const [r, groups] of rows.entries()) {
    const origin = r * length;
    // Tokens of a row lie side by side, and so do columns.
    const shift = token - origin;
    let group = origin;
    for (const { indices, shared, length: size } of groups) {
      const own = indices.map((index) => sequences[index] as AnySequence);
      const put = (cell: number, position: number, id: number, branch: number) => {
        cells[cell] = token;
        places[token] = cell;
        ids[token] = BigInt(id);
        positions[token] = BigInt(position);
        token++;
        sight.group[cell] = group - origin;
        sight.shared[cell] = group - origin + shared;
        sight.branch[cell] = branch;
      };
      const [model] = own as [AnySequence];
      for (let i = 0; i < shared; i++) {
        const label = model.ids[i] as number;
        put(group + i, i, label, 0);
        if (i < model.start) continue;
        const total = own.reduce((sum, sequence) => sum + weight(sequence, i), 0);
        targets.push({
          before: group + i - 1 + shift,
          label,
          weight: total,
          owner: first,
          owners: own.length,
        });
      }
      let begin = group + shared;
      for (const [s, sequence] of own.entries()) {
        for (let i = shared; i < sequence.ids.length; i++) {
          const label = sequence.ids[i] as number;
          const cell = begin + i - shared;
          put(cell, i, label, begin - origin);
          if (i < sequence.start) continue;
          // What comes before a branch is the last shared token.
          const before = (i === shared ? group + i : cell) - 1 + shift;
          targets.push({ before, label, weight: weight(sequence, i), owner: first + s, owners: 1 });
        }
        begin += sequence.ids.length - shared;
      }
      first += own.length;
      group += size;
    }
  }
  if (tokens > used) places.fill(cells.indexOf(tokens - 1), used);
  const count = roundUp(targets.length + 1, TARGET_STEP);
  const targetsAt = Array.from({ length: unit }, () => new Int32Array(tokens).fill(count - 1));
  for (const [r, { before }] of targets.entries()) {
    const free = targetsAt.find((at) => at[before] === count - 1) as Int32Array;
    free[before] = r;
  }
  const padded = <T>(of: (target: (typeof targets)[number]) => T, none: T) =>
    Array.from({ length: count }, (_, i) => (i < targets.length ? of(targets[i] as never) : none));
  return {
    tokens,
    ids,
    positions,
    cells,
    places,
    sight,
    batch,
    length,
    targets: count,
    sequences: first,
    before: Int32Array.from(padded(({ before }) => before, 0)),
    targetsAt,
    labels: BigInt64Array.from(padded(({ label }) => BigInt(label), 0n)),
    weights: Float32Array.from(padded(({ weight }) => weight, 0)),
    owner: Int32Array.from(padded(({ owner }) => owner, -1)),
    owners: Int32Array.from(padded(({ owners }) => owners, 0)),
  };
}

export interface LayoutOptions {
  /** At most so many tokens in a micro-batch, padding left out, unless one group alone has more. */
  readonly tokens: number;
  /** 2 for the pairs of DPO, sequences[2i] and sequences[2i + 1], each of which becomes one group. */
  readonly unit: 1 | 2;
  readonly padId: number;
  /** Micro-batches that run at a time. */
  readonly parts?: number;
}

/** Groups, the longest first, in so many parts, each put where there is least so far (Graham 1969). */
function divide(groups: readonly Group[], count: number): Group[][] {
  const parts = Array.from({ length: count }, (): Group[] => []);
  const sizes = new Array<number>(count).fill(0);
  for (const group of groups) {
    const least = sizes.indexOf(Math.min(...sizes));
    parts[least]?.push(group);
    sizes[least] = (sizes[least] as number) + group.length;
  }
  return parts;
}

/** Groups, the longest first, put into rows so that attention's work is least, T² for each row: for each number of rows, every
 * group goes into the row that is shortest so far. None becomes so long that attention goes in more blocks. */
function pack(groups: readonly Group[]): Group[][] {
  const longest = paddedLength((groups[0] as Group).length);
  let best = groups.map((group) => [group]);
  let least = Number.POSITIVE_INFINITY;
  for (let count = groups.length; count > 0; count--) {
    const rows = divide(groups, count);
    const length = paddedLength(Math.max(...rows.map(lengthOf)));
    if (attentionBlocks(length) > attentionBlocks(longest)) break;
    const cost = count * length * length;
    if (cost < least) [best, least] = [rows, cost];
  }
  return best;
}

/** Split sequences into micro-batches. Those that run at the same time have sequences of about one length, and about as many
 * tokens; the longest come first. */
export function microBatches(sequences: readonly AnySequence[], options: LayoutOptions): LaidOut[] {
  return [...eachMicroBatch(sequences, options)];
}

export interface LaidOut {
  readonly micro: MicroBatch;
  readonly indices: readonly number[];
}

/** The same, each laid out when it is asked for. */
export function* eachMicroBatch(
  sequences: readonly AnySequence[],
  options: LayoutOptions,
): Generator<LaidOut, void, undefined> {
  const { tokens, unit, parts = 1 } = options;
  const groups = Array.from({ length: sequences.length / unit }, (_, g) =>
    groupOf(
      sequences,
      Array.from({ length: unit }, (_, i) => g * unit + i),
    ),
  );
  groups.sort((a, b) => b.length - a.length || (a.indices[0] as number) - (b.indices[0] as number));

  let size = lengthOf(groups);
  for (let at = 0; at < groups.length; ) {
    const rest = groups.slice(at);
    const fit = () => divide(rest, parts).every((part) => lengthOf(part) <= tokens);
    const waves = Math.ceil(size / (parts * tokens));
    // To fill all parts up to the longest group costs no time.
    const share = Math.max(size / (waves > 1 || fit() ? waves : 2), parts * (rest[0] as Group).length);
    const sizes = new Array<number>(parts).fill(0);
    let taken = 0;
    let count = 0;
    for (const { length } of rest) {
      const least = Math.min(...sizes);
      if (least > 0 && (least + length > tokens || taken + length / 2 > share)) break;
      sizes[sizes.indexOf(least)] = least + length;
      taken += length;
      count++;
    }
    const wave = divide(rest.slice(0, count), parts).filter((part) => part.length > 0);
    // The larger part goes to who has least to do.
    for (const own of wave.sort((a, b) => lengthOf(b) - lengthOf(a))) {
      const rows = pack(own);
      const indices = rows.flat().flatMap((group) => group.indices);
      yield { micro: layOut(sequences, rows, options), indices };
    }
    size -= taken;
    at += count;
  }
}

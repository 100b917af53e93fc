import { attentionBlocks } from '../ops/attention.ts';
import type { Sight } from '../ops/softmax.ts';

/** A prompt and its completion as token ids; the loss is on the completion only. */
export interface Sequence {
  readonly ids: readonly number[];
  /** Index of the completion's first token, at least 1. */
  readonly start: number;
  /** Loss weight of each completion token; 1 when absent. */
  readonly weights?: readonly number[];
}

/** Sequences laid out for one run of a training graph: B rows padded to T tokens, R rows of the flattened [B·T] that
 * predict a completion token. A row holds groups, one after the other: a sequence, or several that begin alike: first what
 * they share, once, then the rest of each, a branch. A token sees what its group shares and its own branch, at the positions
 * that they have in their sequence. */
export interface MicroBatch {
  readonly batch: number;
  readonly length: number;
  readonly targets: number;
  /** How many sequences the rows hold. */
  readonly sequences: number;
  /** [B·T] */
  readonly ids: BigInt64Array;
  /** [B·T] of each token in its sequence. */
  readonly positions: BigInt64Array;
  readonly sight: Sight;
  /** [R] index into [B·T] of the token before each target. */
  readonly rows: BigInt64Array;
  /** [R] */
  readonly labels: BigInt64Array;
  /** [R] loss weight of each target, the sum over its sequences. */
  readonly weights: Float32Array;
  /** [R] the first sequence (of 0..sequences−1) of each target; −1 for the padding that brings R to a multiple of
   * TARGET_STEP. */
  readonly owner: Int32Array;
  /** [R] how many sequences the target is one of: those from `owner` on. */
  readonly owners: Int32Array;
}

/** Lengths and target counts come in steps: the runtime plans its memory once for each shape it has seen. */
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
function sharedTokens(sequences: readonly Sequence[]): number {
  const [first, ...others] = sequences as [Sequence, ...Sequence[]];
  let shared = first.ids.length;
  for (const { ids, start } of others) {
    if (start !== first.start) shared = Math.min(shared, start, first.start);
    let at = 0;
    while (at < shared && ids[at] === first.ids[at]) at++;
    shared = at;
  }
  return shared;
}

function groupOf(sequences: readonly Sequence[], indices: readonly number[]): Group {
  const own = indices.map((index) => sequences[index] as Sequence);
  const shared = sharedTokens(own);
  return { indices, shared, length: own.reduce((sum, { ids }) => sum + ids.length - shared, shared) };
}

const lengthOf = (groups: readonly Group[]): number => groups.reduce((sum, { length }) => sum + length, 0);

function layOut(
  sequences: readonly Sequence[],
  rows: readonly (readonly Group[])[],
  padId: number,
): MicroBatch {
  const batch = rows.length;
  const length = paddedLength(Math.max(...rows.map(lengthOf)));
  const columns = () => new Int32Array(batch * length);
  const sight = { group: columns(), shared: columns(), branch: columns() };
  const ids = new BigInt64Array(batch * length).fill(BigInt(padId));
  const positions = new BigInt64Array(batch * length);
  const targets: { row: number; label: number; weight: number; owner: number; owners: number }[] = [];
  const weight = ({ start, weights }: Sequence, i: number) => weights?.[i - start] ?? 1;
  let first = 0;
  for (const [r, groups] of rows.entries()) {
    let group = 0;
    for (const { indices, shared, length: size } of groups) {
      const own = indices.map((index) => sequences[index] as Sequence);
      const origin = r * length;
      const put = (column: number, position: number, id: number, branch: number) => {
        ids[origin + column] = BigInt(id);
        positions[origin + column] = BigInt(position);
        sight.group[origin + column] = group;
        sight.shared[origin + column] = group + shared;
        sight.branch[origin + column] = branch;
      };
      const [model] = own as [Sequence];
      for (let i = 0; i < shared; i++) {
        const label = model.ids[i] as number;
        put(group + i, i, label, 0);
        if (i < model.start) continue;
        const total = own.reduce((sum, sequence) => sum + weight(sequence, i), 0);
        targets.push({ row: origin + group + i - 1, label, weight: total, owner: first, owners: own.length });
      }
      let begin = group + shared;
      for (const [s, sequence] of own.entries()) {
        for (let i = shared; i < sequence.ids.length; i++) {
          const label = sequence.ids[i] as number;
          const column = begin + i - shared;
          put(column, i, label, begin);
          if (i < sequence.start) continue;
          // What comes before a branch is the last shared token.
          const row = origin + (i === shared ? group + i : column) - 1;
          targets.push({ row, label, weight: weight(sequence, i), owner: first + s, owners: 1 });
        }
        begin += sequence.ids.length - shared;
      }
      first += own.length;
      group += size;
    }
  }
  const count = roundUp(targets.length, TARGET_STEP);
  const padded = <T>(of: (target: (typeof targets)[number]) => T, none: T) =>
    Array.from({ length: count }, (_, i) => (i < targets.length ? of(targets[i] as never) : none));
  return {
    ids,
    positions,
    sight,
    batch,
    length,
    targets: count,
    sequences: first,
    rows: BigInt64Array.from(padded(({ row }) => BigInt(row), 0n)),
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
  /** Micro-batches that run at a time: there are a multiple of so many of about one size, where the groups suffice. */
  readonly parts?: number;
  /** Of the model: groups share rows where that saves work. Without it each has a row of its own. */
  readonly width?: number;
}

/** Attention over T tokens costs a token as much as all else does where T is about this many times the model's width
 * (measured at 512 wide). */
const ATTENTION_SHARE = 3;
/** Groups are not packed into rows longer than this, where attention would go in blocks. */
const PACKED = 512;

/** Groups, the longest first, put into rows so that the rows' work is least, T · (ATTENTION_SHARE · width + T) for each of T
 * tokens: for each number of rows, every group goes into the row that is shortest so far. */
function pack(groups: readonly Group[], width: number): Group[][] {
  const longest = paddedLength((groups[0] as Group).length);
  let best = groups.map((group) => [group]);
  let least = Number.POSITIVE_INFINITY;
  for (let count = groups.length; count > 0; count--) {
    const rows: Group[][] = Array.from({ length: count }, () => []);
    const lengths = new Array<number>(count).fill(0);
    for (const group of groups) {
      const shortest = lengths.indexOf(Math.min(...lengths));
      rows[shortest]?.push(group);
      lengths[shortest] = (lengths[shortest] as number) + group.length;
    }
    const length = paddedLength(Math.max(...lengths));
    if (length > Math.max(longest, PACKED)) break;
    const cost = count * length * (ATTENTION_SHARE * width + length);
    if (cost < least) [best, least] = [rows, cost];
  }
  return best;
}

/** Split sequences into micro-batches, longest groups first. */
export function microBatches(
  sequences: readonly Sequence[],
  { tokens, unit, padId, parts = 1, width }: LayoutOptions,
): { readonly micro: MicroBatch; readonly indices: readonly number[] }[] {
  const groups = Array.from({ length: sequences.length / unit }, (_, g) =>
    groupOf(
      sequences,
      Array.from({ length: unit }, (_, i) => g * unit + i),
    ),
  );
  groups.sort((a, b) => b.length - a.length || (a.indices[0] as number) - (b.indices[0] as number));

  const out: { micro: MicroBatch; indices: number[] }[] = [];
  const sizeOf = ({ length }: Group) => (width === undefined ? paddedLength(length) : length);
  let size = groups.reduce((sum, group) => sum + sizeOf(group), 0);
  let left = parts * Math.ceil(size / (parts * tokens));
  for (let at = 0; at < groups.length; left = Math.max(1, left - 1)) {
    // Where each has a row of its own, all are padded to the longest.
    const least = width === undefined ? sizeOf(groups[at] as Group) : 0;
    let [end, taken] = [at, 0];
    while (end < groups.length) {
      const next = sizeOf(groups[end] as Group);
      const filled = Math.max(taken + next, (end - at + 1) * least);
      if (end > at && (filled > tokens || taken + next / 2 > size / left)) break;
      taken += next;
      end++;
    }
    const own = groups.slice(at, end);
    const rows = width === undefined ? own.map((group) => [group]) : pack(own, width);
    const indices = rows.flat().flatMap((group) => group.indices);
    out.push({ micro: layOut(sequences, rows, padId), indices });
    size -= taken;
    at = end;
  }
  return out;
}

import type { Tensor } from 'onnxruntime-node';
import { type Dim, type Graph, times, type Value } from '../graph.ts';
import { rearrange, reshape } from '../ops/layout.ts';
import { tensor } from '../session.ts';
import type { LlamaConfig } from './config.ts';

/** Where the tokens of a graph are in the rows that attention takes them in; see MicroBatch. */
export interface RowLayout {
  readonly batch: number;
  readonly length: number;
  /** [B·T] */
  readonly cells: Int32Array;
  /** [N] */
  readonly places: Int32Array;
}

/** Query heads and key heads have places of their own, unless there are as many. */
const headCounts = ({ numAttentionHeads, numKeyValueHeads }: LlamaConfig) =>
  new Set([numAttentionHeads, numKeyValueHeads]);

/** What a graph with AttentionRows takes, for each number of heads h: `cells.h` [B·h·T], the head of a token (of N·h) at each
 * place in the rows, and `places.h` [N·h], the way back. */
export function rowFeeds(
  config: LlamaConfig,
  { batch, length, cells, places }: RowLayout,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const heads of headCounts(config)) {
    const from = new Int32Array(batch * heads * length);
    const to = new Int32Array(places.length * heads);
    for (let row = 0, at = 0; row < batch; row++)
      for (let head = 0; head < heads; head++)
        for (let column = 0; column < length; column++)
          from[at++] = (cells[row * length + column] as number) * heads + head;
    for (let token = 0, at = 0; token < places.length; token++) {
      const cell = places[token] as number;
      const column = cell % length;
      for (let head = 0; head < heads; head++) to[at++] = (cell - column) * heads + head * length + column;
    }
    feeds[`cells.${heads}`] = tensor('int32', from, [from.length]);
    feeds[`places.${heads}`] = tensor('int32', to, [to.length]);
  }
  return feeds;
}

/** Lays N tokens into the rows of attention, of `size` = B·T cells, and takes them out again. */
export class AttentionRows {
  readonly #graph: Graph;
  readonly #headDim: number;
  readonly #tokens: Dim;
  readonly #size: Dim;
  readonly #inputs: ReadonlyMap<number, { readonly cells: Value; readonly places: Value }>;

  constructor(graph: Graph, config: LlamaConfig, tokens: Dim, size: Dim) {
    this.#graph = graph;
    this.#headDim = config.headDim;
    this.#tokens = tokens;
    this.#size = size;
    const input = (name: string, heads: number, count: Dim) =>
      graph.input(`${name}.${heads}`, [times(count, heads)], 'int32');
    this.#inputs = new Map(
      [...headCounts(config)].map((heads) => [
        heads,
        { cells: input('cells', heads, size), places: input('places', heads, tokens) },
      ]),
    );
  }

  /** [N, h·d] → [B, h, T, d] under a shape of that many elements. */
  lay(x: Value, shape: readonly Dim[]): Value {
    const heads = (x.shape[1] as number) / this.#headDim;
    const { cells, places } = this.#of(heads);
    const all = reshape(this.#graph, x, [times(this.#tokens, heads), this.#headDim]);
    return reshape(this.#graph, rearrange(this.#graph, all, cells, places), shape);
  }

  /** [B, h, T, d], under whatever shape, → [N, h·d] */
  take(x: Value, heads: number): Value {
    const { cells, places } = this.#of(heads);
    const all = reshape(this.#graph, x, [times(this.#size, heads), this.#headDim]);
    return reshape(this.#graph, rearrange(this.#graph, all, places, cells), [
      this.#tokens,
      heads * this.#headDim,
    ]);
  }

  #of(heads: number): { readonly cells: Value; readonly places: Value } {
    return this.#inputs.get(heads) as { readonly cells: Value; readonly places: Value };
  }
}

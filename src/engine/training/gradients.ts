import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Device } from '../device.ts';
import { sizeOf } from '../graph.ts';
import { rowFeeds } from '../llama/attention-rows.ts';
import { rotaryFeeds } from '../llama/forward.ts';
import { windowOf } from '../llama/layers.ts';
import { type BaseParameters, HalfParameters } from '../llama/parameters.ts';
import type { Adapter } from '../lora/adapter.ts';
import { attentionBlocks } from '../ops/attention.ts';
import { attentionMask, causalMask } from '../ops/softmax.ts';
import type { GradientResult, GradientTask } from '../parallel/protocol.ts';
import type { Turn } from '../parallel/turn.ts';
import { loadGraph, PASSES_SHARED, shapeFeeds, tensor, weightFeeds } from '../session.ts';
import type { TensorShape } from '../tensors.ts';
import {
  dpoGraph,
  gradientName,
  logProbabilityGraph,
  sftGraph,
  type TrainingModel,
  targetsName,
  vocabularyChunks,
} from './losses.ts';
import type { MicroBatch } from './sequence.ts';

export interface GradientRunnerOptions {
  readonly device?: Device;
  /** Trained in place of the weights. */
  readonly adapter?: Adapter | undefined;
  /** Most logits computed at once; see vocabularyChunks. */
  readonly logits?: number | undefined;
}

/** Runs training graphs for one set of weights on one thread. A graph is built once; its shapes are bound at each run. */
export class GradientRunner {
  readonly #parameters: BaseParameters;
  readonly #threads: number;
  readonly #device: Device;
  readonly #adapter: Adapter | undefined;
  readonly #logits: number | undefined;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  /** By length: the tables of positions, and the masks of rows that hold one sequence. */
  readonly #tables = new Map<number, Record<string, Tensor>>();
  readonly #causal = new Map<number, Record<string, Tensor>>();
  readonly #window: number | undefined;

  constructor(
    parameters: BaseParameters,
    threads: number,
    { device = 'cpu', adapter, logits }: GradientRunnerOptions = {},
  ) {
    this.#parameters = parameters;
    this.#window = windowOf(parameters.config);
    this.#threads = threads;
    this.#device = device;
    this.#adapter = adapter;
    this.#logits = logits;
  }

  /** Adds the gradient of the task's loss to `gradient`, which lies as the `flat` of what is trained does; each tensor
   * when it is the task's turn. */
  async run(task: GradientTask, gradient: Float32Array, turn?: Turn): Promise<GradientResult> {
    const { kind, micro } = task;
    const { tokens, batch, length, targets } = micro;
    const blocks = attentionBlocks(length);
    const chunks = vocabularyChunks(targets, this.#parameters.config.vocabSize, this.#logits);
    // Only gradients need the way back to the tokens: without it there is one graph for sequences and for pairs.
    const targetsAt = kind === 'logp' ? [] : micro.targetsAt;
    const session = await this.#session(task, { blocks, chunks, targetsEach: targetsAt.length });
    const feeds: Record<string, Tensor> = {
      ...weightFeeds(session, this.#parameters),
      ...(this.#adapter ? weightFeeds(session, this.#adapter) : {}),
      ...shapeFeeds(session, {
        N: tokens,
        B: batch,
        L: length / blocks,
        R: targets / chunks,
        P: micro.sequences / 2,
      }),
      ids: tensor('int64', micro.ids, [tokens]),
      before: tensor('int32', micro.before, [targets]),
      ...Object.fromEntries(targetsAt.map((at, i) => [targetsName(i), tensor('int32', at, [tokens])])),
      labels: tensor('int64', micro.labels, [targets]),
      positions: tensor('int64', micro.positions, [tokens, 1]),
      ...this.#masks(micro),
      ...rowFeeds(this.#parameters.config, micro),
      ...this.#rotary(length),
    };
    if (kind !== 'logp') feeds.weights = tensor('float32', micro.weights, [targets]);
    if (kind === 'dpo') {
      const pairs = micro.sequences / 2;
      const sign = new Float32Array(pairs * targets);
      for (let r = 0; r < targets; r++) {
        // A target that both sequences share does not move their margin.
        const owner = micro.owner[r] as number;
        if (micro.owners[r] === 1) sign[(owner >> 1) * targets + r] = owner % 2 === 0 ? 1 : -1;
      }
      feeds.sign = tensor('float32', sign, [pairs, targets]);
      feeds.reference = tensor('float32', task.reference as Float32Array, [pairs]);
      feeds.pairWeights = tensor('float32', task.pairWeights as Float32Array, [pairs]);
    }
    if (kind === 'logp') return { loss: 0, logp: (await session.run(feeds)).logp?.data as Float32Array };

    const { shapes } = this.#adapter ?? this.#parameters;
    const sums = views(shapes, gradient);
    // The first task's gradient is written where it belongs: nobody touches it before the turn has passed.
    const written = task.first && this.#device === 'cpu' && PASSES_SHARED;
    const outputs = await session.run(
      feeds,
      written ? { loss: null, logp: null, ...outputsInto(shapes, sums) } : session.outputNames,
    );
    for (const [i, { name }] of shapes.entries()) {
      const part = outputs[gradientName(name)]?.data as Float32Array;
      if (!written) {
        turn?.wait(i);
        const sum = sums[i] as Float32Array;
        if (task.first) sum.set(part);
        else for (let k = 0; k < part.length; k++) sum[k] = (sum[k] as number) + (part[k] as number);
      }
      turn?.pass(i);
      // The runtime's outputs are new arrays at every run: their memory is given back now, not at some collection.
      (part.buffer as ArrayBuffer).transfer(0);
    }
    const [loss] = (outputs.loss as Tensor).data as Float32Array;
    return { loss: loss as number, logp: outputs.logp?.data as Float32Array };
  }

  #rotary(length: number): Record<string, Tensor> {
    const known = this.#tables.get(length);
    if (known) return known;
    const feeds = rotaryFeeds(this.#parameters.config, length);
    this.#tables.set(length, feeds);
    return feeds;
  }

  #masks({ batch, length, sight }: MicroBatch): Record<string, Tensor> {
    const feeds = (masks: number, data: (window?: number) => Float32Array) => {
      const shape = [masks, 1, 1, length, length];
      const mask = (window?: number) => tensor('float32', data(window), shape);
      return { mask: mask(), ...(this.#window ? { 'mask.sliding': mask(this.#window) } : {}) };
    };
    const parted = (columns: Int32Array) => columns.some((column) => column > 0);
    if (parted(sight.group) || parted(sight.branch))
      return feeds(batch, (window) => attentionMask(length, sight, window));
    const known = this.#causal.get(length);
    if (known) return known;
    const causal = feeds(1, (window) => causalMask(length, window));
    this.#causal.set(length, causal);
    return causal;
  }

  #session(
    { kind, beta, threads = this.#threads }: GradientTask,
    shape: Pick<TrainingModel, 'blocks' | 'chunks' | 'targetsEach'>,
  ): Promise<InferenceSession> {
    const key = `${kind} ${beta} ${Object.values(shape).join(' ')} ${threads}`;
    const known = this.#sessions.get(key);
    if (known) return known;
    const model = {
      config: this.#parameters.config,
      adapter: this.#adapter?.lora,
      device: this.#device,
      half: this.#parameters instanceof HalfParameters,
      ...shape,
    };
    const graph =
      kind === 'sft'
        ? sftGraph(model)
        : kind === 'dpo'
          ? dpoGraph(model, beta as number)
          : logProbabilityGraph(model);
    // The runtime's plans of memory would be kept for every set of shapes, beside its arena.
    const session = loadGraph(graph, threads, {
      device: this.#device,
      memoryPattern: false,
      spinning: false,
    });
    this.#sessions.set(key, session);
    return session;
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }
}

/** The gradient of each tensor in a flat array of all. */
function views(shapes: readonly TensorShape[], gradient: Float32Array): Float32Array[] {
  let end = 0;
  return shapes.map(({ shape }) => {
    const start = end;
    end += sizeOf(shape);
    return gradient.subarray(start, end);
  });
}

function outputsInto(shapes: readonly TensorShape[], sums: readonly Float32Array[]): Record<string, Tensor> {
  return Object.fromEntries(
    shapes.map(({ name, shape }, i) => [
      gradientName(name),
      tensor('float32', sums[i] as Float32Array, shape),
    ]),
  );
}

import type { Device } from '../device.ts';
import { type Dim, Graph, times, type Value } from '../graph.ts';
import type { LlamaConfig } from '../llama/config.ts';
import { hiddenStates, logits, type Weights, weightInputs } from '../llama/forward.ts';
import { type LoraConfig, loraShapes } from '../lora/adapter.ts';
import { add } from '../ops/add.ts';
import { labelLogProbability } from '../ops/cross-entropy.ts';
import { logSigmoid, multiply, scale, subtract, sum } from '../ops/elementwise.ts';
import { reshape } from '../ops/layout.ts';
import { matmul } from '../ops/matmul.ts';
import { joinRows, splitRows } from '../ops/rows.ts';
import { TARGET_STEP } from './sequence.ts';

/** Symbols bound when a training graph is run: N tokens, B rows of blocks of L columns, chunks of R targets, P pairs. */
const N: Dim = 'N';
const B: Dim = 'B';
const L: Dim = 'L';
const R: Dim = 'R';
const P: Dim = 'P';

/** The output that holds the gradient of a parameter. */
export const gradientName = (parameter: string): string => `d.${parameter}`;
/** The input that holds the i-th target of each token. */
export const targetsName = (i: number): string => `targets.${i}`;

/** What is trained, and how long its rows are. */
export interface TrainingModel {
  readonly config: LlamaConfig;
  readonly adapter?: LoraConfig | undefined;
  readonly device?: Device;
  /** Whether the weights are HalfParameters: only an adapter is trained then. */
  readonly half?: boolean;
  /** Of each row, see attentionBlocks. */
  readonly blocks: number;
  /** Of the targets, see vocabularyChunks. */
  readonly chunks: number;
  /** How many targets a token may be before: one of each sequence of its group; 0 where no gradient is wanted. */
  readonly targetsEach: number;
}

/** Largest product of targets and vocabulary that is kept: 64 MiB, of which the loss needs four. */
const LOGITS = 2 ** 24;

/** In how many chunks R targets' logits are computed; a divisor of every R (see TARGET_STEP). */
export function vocabularyChunks(targets: number, vocabulary: number, most = LOGITS): number {
  let chunks = 1;
  while (chunks < TARGET_STEP && targets * vocabulary > chunks * most) chunks *= 2;
  return chunks;
}

const targetsOf = ({ chunks }: TrainingModel): Dim => times(chunks, R);

/** log p of each target. Inputs ids [N] and labels [R], int64, `before` [R] and `targets.i` [N], int32; see MicroBatch. In
 * several chunks, each one's logits are computed again for the gradient. */
function targetLogProbabilities(graph: Graph, weights: Weights, model: TrainingModel): Value {
  const { config, adapter, blocks, chunks } = model;
  const ids = graph.input('ids', [N], 'int64');
  const before = graph.input('before', [targetsOf(model)], 'int32');
  const targets = Array.from({ length: model.targetsEach }, (_, i) =>
    graph.input(targetsName(i), [N], 'int32'),
  );
  const labels = graph.input('labels', [targetsOf(model)], 'int64');
  const wanted = { tokens: before, targets };
  const hidden = hiddenStates(
    graph,
    config,
    weights,
    ids,
    B,
    { count: blocks, size: L },
    { adapter, wanted },
  );
  const of = (states: Value, own: Value) =>
    labelLogProbability(graph, logits(graph, config, weights, states), own);
  const chunked = () => {
    const own = splitRows(graph, labels, chunks, R);
    const parts = splitRows(graph, hidden, chunks, R);
    const again = (part: Value, i: number) => graph.recomputed(part, (states) => of(states, own[i] as Value));
    return joinRows(graph, parts.map(again));
  };
  const logp = chunks === 1 ? of(hidden, labels) : chunked();
  graph.output('logp', logp);
  return logp;
}

/** −Σ w log p, with the normalisation already in the weights [R]. */
function negativeLogLikelihood(graph: Graph, logp: Value): Value {
  const weights = graph.input('weights', logp.shape);
  return scale(graph, sum(graph, multiply(graph, logp, weights)), -1);
}

/** The loss, and its gradient for what is trained: the adapter where there is one, else every weight. */
function withGradients(graph: Graph, weights: Weights, loss: Value, trained: readonly string[]): Uint8Array {
  graph.output('loss', loss);
  const gradients = graph.gradients(
    loss,
    trained.map((name) => weights.get(name) as Value),
  );
  for (const [i, name] of trained.entries()) graph.output(gradientName(name), gradients[i] as Value);
  return graph.encode();
}

const trainedNames = (weights: Weights, { config, adapter }: TrainingModel): string[] =>
  adapter ? loraShapes(config, adapter).map(({ name }) => name) : [...weights.keys()];

/** Outputs logp [R] and nothing else: the reference model's log-probabilities. */
export function logProbabilityGraph(model: TrainingModel): Uint8Array {
  const graph = new Graph(model.device);
  targetLogProbabilities(graph, weightInputs(graph, model.config, model.adapter, model), model);
  return graph.encode();
}

/** SFT: loss = −Σ_r w_r log p_r, and its gradient for every parameter that is trained. */
export function sftGraph(model: TrainingModel): Uint8Array {
  const graph = new Graph(model.device);
  const weights = weightInputs(graph, model.config, model.adapter, model);
  const logp = targetLogProbabilities(graph, weights, model);
  const loss = negativeLogLikelihood(graph, logp);
  return withGradients(graph, weights, loss, trainedNames(weights, model));
}

/** DPO (arXiv 2305.18290, eq. 7) with an NLL term on the chosen completions:
 *
 * loss = −Σ_p u_p log σ(β (m_p − m_ref_p)) − Σ_r w_r log p_r, where m_p = log π(chosen_p) − log π(rejected_p).
 *
 * Sequences 2p and 2p + 1 of the batch are chosen and rejected of pair p. Inputs beside SFT's: `sign` [P, R], +1 for the
 * targets of a pair's chosen sequence, −1 for its rejected one; `reference` [P], m_ref; `pairWeights` [P], u. */
export function dpoGraph(model: TrainingModel, beta: number): Uint8Array {
  const graph = new Graph(model.device);
  const weights = weightInputs(graph, model.config, model.adapter, model);
  const logp = targetLogProbabilities(graph, weights, model);
  const targets = targetsOf(model);
  const sign = graph.input('sign', [P, targets]);
  const reference = graph.input('reference', [P]);
  const pairWeights = graph.input('pairWeights', [P]);
  const margin = reshape(graph, matmul(graph, sign, reshape(graph, logp, [targets, 1])), [P]);
  const preference = logSigmoid(graph, scale(graph, subtract(graph, margin, reference), beta));
  const dpo = scale(graph, sum(graph, multiply(graph, preference, pairWeights)), -1);
  const loss = add(graph, dpo, negativeLogLikelihood(graph, logp));
  return withGradients(graph, weights, loss, trainedNames(weights, model));
}

import type { Device, DeviceAnswer } from './device.ts';
import { Graph } from './graph.ts';
import type { LlamaConfig } from './llama/config.ts';
import { initialise, Parameters } from './llama/parameters.ts';
import { listSupportedBackends } from './runtime.ts';
import { sequenceRandom } from './sampling/random.ts';
import type { ChosenToken } from './sampling/sample.ts';
import { Sampler } from './sampling/sampler.ts';
import { loadGraph, tensor } from './session.ts';
import { GradientRunner } from './training/gradients.ts';
import { microBatches } from './training/sequence.ts';

/** A process that tries one device and prints a DeviceAnswer. A provider may load and run, and still compute other
 * numbers than the CPU in a graph it does not fully support: small models are sampled and differentiated on both. */

const MODEL: LlamaConfig = {
  vocabSize: 64,
  hiddenSize: 32,
  intermediateSize: 48,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 16,
  maxPositionEmbeddings: 64,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  bosTokenId: 0,
  eosTokenIds: [1],
  padTokenId: 2,
};
/** A GPU rounds products differently (TF32 has 10 bits of fraction); what is wrong is wrong by more. */
const TOLERANCE = 0.02;

/** Weights far from their usual size, so that attention is far from uniform. */
function weights(): Parameters {
  const parameters = new Parameters(MODEL);
  initialise(parameters, sequenceRandom(7));
  for (const { name, shape } of parameters.shapes) {
    const view = parameters.get(name);
    if (shape.length === 2) view.set(view.map((value) => 12 * value));
  }
  return parameters;
}

const text = (length: number, seed: number) =>
  Array.from({ length }, (_, i) => 3 + ((i * 7 + seed * 13 + ((i * seed) % 5)) % 61));

/** The same where both are far from zero, relative to the largest. */
function close(found: readonly number[], expected: readonly number[]): boolean {
  const scale = Math.max(...expected.map(Math.abs));
  return (
    found.length === expected.length &&
    found.every((value, i) => Math.abs(value - (expected[i] as number)) <= TOLERANCE * scale)
  );
}

/** Greedy tokens of prompts of several lengths, and the log-probabilities of the likeliest at each. */
async function sampled(parameters: Parameters, device: Device): Promise<number[]> {
  const sampler = new Sampler(parameters, { slots: 4, device });
  const requests = [5, 17, 31, 12].map((length, index) => ({
    index,
    prompt: text(length, index),
    maxTokens: 3,
    temperature: 0,
    topP: 1,
    seed: 0,
    stopIds: [],
    watch: { logprobs: 4 },
  }));
  const chosen: ChosenToken[] = [];
  const live = {
    token: (token: ChosenToken) => chosen.push(token),
    dropped: () => new Set<number>(),
    stepped: () => {},
    idle: async () => false,
  };
  try {
    await sampler.run(
      () => requests.shift(),
      48,
      () => {},
      () => false,
      live,
    );
  } finally {
    await sampler.close();
  }
  chosen.sort((a, b) => a.index - b.index);
  return chosen.flatMap(({ logprobs = [] }) => logprobs.map(({ logprob }) => logprob));
}

/** The loss of a batch of two sequences and its gradient. */
async function differentiated(parameters: Parameters, device: Device): Promise<number[][]> {
  const runner = new GradientRunner(parameters, 1, { device });
  const sequences = [20, 13].map((length, seed) => ({ ids: text(length, seed), start: 4 }));
  const [batch] = microBatches(sequences, { tokens: 64, unit: 1, padId: MODEL.padTokenId });
  const gradient = new Float32Array(parameters.flat.length);
  try {
    if (!batch) throw new Error('two sequences are no batch');
    const { loss } = await runner.run({ kind: 'sft', micro: batch.micro, first: true }, gradient);
    let at = 0;
    const parts = parameters.shapes.map(({ shape }) => {
      const size = shape.reduce((product, dim) => product * dim, 1);
      at += size;
      return [...gradient.subarray(at - size, at)];
    });
    return [[loss], ...parts];
  } finally {
    await runner.close();
  }
}

async function answer(device: Device): Promise<DeviceAnswer> {
  if (!listSupportedBackends().some(({ name }) => name === device)) {
    return { failure: `this build of ONNX Runtime has no ${device} provider` };
  }
  try {
    const graph = new Graph();
    const x = graph.input('x', [1]);
    graph.output('y', graph.node('Add', [x, x], [1]));
    const session = await loadGraph(graph.encode(), 1, { device });
    await session.run({ x: tensor('float32', Float32Array.of(1.5), [1]) });
    await session.release();
  } catch (error) {
    return { failure: reason(error) };
  }
  const parameters = weights();
  const agree = async (work: (on: Device) => Promise<number[][]>) => {
    try {
      const [found, expected] = [await work(device), await work('cpu')];
      return expected.every((part, i) => close(found[i] ?? [], part));
    } catch {
      // A graph that the device refuses.
      return false;
    }
  };
  return {
    sampling: await agree(async (on) => [await sampled(parameters, on)]),
    training: await agree((on) => differentiated(parameters, on)),
  };
}

/** The last sentence of the runtime's message; before it stand its source files. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const said = message.replace(/\s+/g, ' ').trim();
  return /was false\. (.+)$/.exec(said)?.[1] ?? said.slice(0, 200);
}

process.stdout.write(`${JSON.stringify(await answer(process.argv[2] as Device))}\n`);

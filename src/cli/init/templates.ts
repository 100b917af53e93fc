import { clusterConfig, SERVE_SCRIPT } from './cluster.ts';
import { exampleInstructions, examplePairs } from './example-data.ts';
import { gpuConfig } from './gpu.ts';
import { seedModelConfig } from './seed-model.ts';

export interface Template {
  readonly what: string;
  /** As YAML that says what each part is for. */
  readonly config: string;
  /** Files beside it, by their names. */
  readonly files: () => Readonly<Record<string, string>>;
  /** Commands before the run, and what the run's own begins with. */
  readonly before: readonly string[];
  readonly environment?: string;
  /** What to do with it then. */
  readonly advice: string;
}

const OWN = 'then put your own in its place.';
const RUNS = `The example data is of the built-in playground, so that this runs as it is; ${OWN}`;
const UNTRIED =
  'It was tried on CPUs with small models only: begin with one round of a hundred pairs, `--until M1-SFT`.';

const rounds = ['{ mine: 150 }', '{ mine: 150 }'];
const held = '{ mine: 30 }';

export const TEMPLATES: Readonly<Record<string, Template>> = {
  playground: {
    what: 'nothing yet: instructions without end from the built-in playground',
    config: seedModelConfig({
      sources: `sources:
  general: { kind: general, from: playground } # instructions whose answers are checked by construction
  math: { kind: math, from: playground } # questions with known answers`,
      rounds: ['{ general: 200, math: 120 }', '{ general: 250, math: 150 }'],
      validation: '{ general: 100, math: 60 }',
      test: '{ general: 200, math: 200 }',
    }),
    files: () => ({}),
    before: [],
    advice: RUNS,
  },
  pairs: {
    what: 'finished pairs: a question, a better and a worse response',
    config: seedModelConfig({
      sources: `sources:
  # CSV, TSV, JSON lines or Parquet; a folder, a glob (data/*.jsonl) or a data set of the hub (OWNER/NAME).
  # Columns are told by their names: prompt/instruction, chosen, rejected; or response_a, response_b and label (A, B, tie).
  mine: { kind: pairs, from: ./data/pairs.csv }`,
      rounds,
      validation: held,
      test: held,
    }),
    files: () => ({ 'data/pairs.csv': examplePairs() }),
    before: [],
    advice: RUNS,
  },
  instructions: {
    what: 'instructions only: a model writes better and worse responses to them',
    config: seedModelConfig({
      sources: `sources:
  # CSV, TSV, JSON lines or Parquet; a folder, a glob (data/*.jsonl) or a data set of the hub (OWNER/NAME).
  mine: { kind: general, from: ./data/instructions.csv }`,
      rounds,
      validation: held,
      test: held,
    }),
    files: () => ({ 'data/instructions.csv': exampleInstructions() }),
    before: [],
    advice: RUNS,
  },
  gpu: {
    what: 'a machine with two GPUs: 8 B with LoRA, sampled by vLLM, trained by TRL',
    config: gpuConfig,
    files: () => ({ 'data/instructions.csv': exampleInstructions() }),
    before: [
      'evalplanner doctor --install trl',
      'evalplanner up vllm --model hf:meta-llama/Llama-3.1-8B-Instruct --served-model-name M0 --lora 16 --max-model-len 8192 --start # in a terminal of its own',
      'evalplanner doctor evalplanner.config.yaml',
    ],
    environment: 'CUDA_VISIBLE_DEVICES=1',
    advice: `The example data is of the built-in playground; ${OWN} ${UNTRIED}`,
  },
  cluster: {
    what: 'a Ray cluster: 70 B by the published settings, sampled by replicas of vLLM, trained by TRL on Ray',
    config: clusterConfig,
    files: () => ({ 'serve.sh': SERVE_SCRIPT }),
    before: ['export RAY_AUTH_TOKEN=…', 'evalplanner doctor evalplanner.config.yaml'],
    advice: `What it takes is in docs/scale.md. ${UNTRIED}`,
  },
};

import { readHeldOut } from '../../package.ts';
import type { ResponsePair } from '../../types.ts';

export interface Template {
  readonly what: string;
  /** The `sources` of its config and so many pairs of each, as lines of YAML. */
  readonly sources: string;
  readonly rounds: readonly string[];
  readonly validation: string;
  readonly test: string;
  /** Files of example data, by their names. */
  readonly data: () => Readonly<Record<string, string>>;
}

/** Rows of an example: some hundred, so that the whole method runs on them in a minute. */
const ROWS = 400;

export const TEMPLATES: Readonly<Record<string, Template>> = {
  playground: {
    what: 'nothing yet: instructions without end from the built-in playground',
    sources: `sources:
  general: { kind: general, from: playground } # instructions whose answers are checked by construction
  math: { kind: math, from: playground } # questions with known answers`,
    rounds: ['{ general: 200, math: 120 }', '{ general: 250, math: 150 }'],
    validation: '{ general: 100, math: 60 }',
    test: '{ general: 200, math: 200 }',
    data: () => ({}),
  },
  pairs: {
    what: 'finished pairs: a question, a better and a worse response',
    sources: `sources:
  # CSV, TSV, JSON lines or Parquet; a folder, a glob (data/*.jsonl) or a data set of the hub (OWNER/NAME).
  # Columns are told by their names: prompt/instruction, chosen, rejected; or response_a, response_b and label (A, B, tie).
  mine: { kind: pairs, from: ./data/pairs.csv }`,
    rounds: ['{ mine: 150 }', '{ mine: 150 }'],
    validation: '{ mine: 30 }',
    test: '{ mine: 30 }',
    data: () => ({ 'data/pairs.csv': csv(['prompt', 'chosen', 'rejected'], examples()) }),
  },
  instructions: {
    what: 'instructions only: a model writes better and worse responses to them',
    sources: `sources:
  # CSV, TSV, JSON lines or Parquet; a folder, a glob (data/*.jsonl) or a data set of the hub (OWNER/NAME).
  mine: { kind: general, from: ./data/instructions.csv }`,
    rounds: ['{ mine: 150 }', '{ mine: 150 }'],
    validation: '{ mine: 30 }',
    test: '{ mine: 30 }',
    data: () => ({ 'data/instructions.csv': csv(['instruction'], examples()) }),
  },
};

/** Pairs of the playground's dev set, in the words of a data set. */
function examples(): Record<string, string>[] {
  return readHeldOut('dev')
    .split('\n')
    .filter(Boolean)
    .slice(0, ROWS)
    .map((line) => {
      const { instruction, chosen, rejected } = JSON.parse(line) as ResponsePair;
      return { instruction, prompt: instruction, chosen, rejected };
    });
}

const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function csv(columns: readonly string[], rows: readonly Readonly<Record<string, string>>[]): string {
  return [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))]
    .map((cells) => `${cells.map(cell).join(',')}\n`)
    .join('');
}

/** The config of a template, as YAML that says what each part is for. */
export function yamlConfig({ sources, rounds, validation, test }: Template): string {
  const [first, second] = rounds;
  return `# yaml-language-server: $schema=./node_modules/evalplanner/schema/config.json
# A judge of your own: \`evalplanner run evalplanner.config.yaml\`. Every field and its default is in the schema above.

seed: 0 # the run is a function of this config and its seed

models:
  judge: playground # what is trained: the shipped seed model, ./FOLDER of a checkpoint (Llama, Qwen, Mistral, Gemma 3, …), hf:OWNER/NAME
  # writer: openai:NAME@https://HOST/v1 # another model writes responses: a checkpoint too, or ai:PROVIDER/NAME
prompts: playground # the seed model's own words; \`published\` (arXiv 2501.18099) for every other model

${sources}

# Each round: so many new pairs of each source, thoughts of the judge so far about them, trainings on the right ones.
rounds:
  - pairs: ${first}
    train:
      - { kind: sft, learningRate: 5.0e-4, warmupSteps: 5, epochs: 1, batchSize: 32, thoughtsPerPair: 6, plans: best }
      - { kind: dpo, learningRate: 4.0e-4, warmupSteps: 5, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 0.5 }
  - pairs: ${second}
    train:
      - { kind: dpo, learningRate: 1.0e-4, warmupSteps: 5, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 1 }

validation: { pairs: ${validation} } # picks among the checkpoints of a training
test: { pairs: ${test} } # held out: what the report's accuracies are of

thoughts: { plans: 5, executions: 4, maxPlanTokens: 48, maxThoughtTokens: 144 } # 2048 and 2048 for larger models
pairs: { solutions: 8, maxTokens: 40 } # of responses that are written; 2048 for larger models
preferences: { pairing: both, maxPerPair: 8, maxPerGroup: 8, minCorrectShare: 0.25 }
optimiser: { maxLength: 256, checkpoints: 3 } # 4096 for larger models

# budget: { cost: 20, tokens: 50000000, hours: 8 } # the run stops there and keeps what it has
# benchmarks: { llmbar: { from: ./llmbar } } # M0 and the last judge play it
# contamination: leave-out # instructions that repeat what judges are measured on; counted when absent
# controls: { unplanned: true } # the same trainings on thoughts without plans, for comparison
`;
}

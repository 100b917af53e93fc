/** What the published setting takes at full size, from assumptions that are all inputs: `node scripts/scale.ts` prints the tables of
 * docs/scale.md. */

export interface Data {
  /** Response pairs of each round. */
  readonly rounds: readonly number[];
  /** Candidate answers that a response pair takes to make. */
  readonly answersPerPair: number;
  /** |P|, and |E|/2: executions of a plan in one order. */
  readonly plans: number;
  readonly executions: number;
  /** Preference pairs of a response pair. */
  readonly rowsPerPair: number;
  /** Tokens of a text on average; `judge` is the judge prompt with both responses. */
  readonly tokens: {
    readonly question: number;
    readonly judge: number;
    readonly plan: number;
    readonly execution: number;
    readonly answer: number;
  };
  /** Bytes on disk of a thought in the ledger, and of a row of a training. */
  readonly bytes: { readonly thought: number; readonly row: number };
}

export interface Machine {
  readonly name: string;
  /** Of the model, and how many of them a training changes. */
  readonly parameters: number;
  readonly trained: number;
  /** Tokens that one GPU writes in a second, prompts read beside. */
  readonly written: number;
  /** Floating-point operations that one GPU does for a training in a second. */
  readonly operations: number;
  /** Of one GPU for an hour. */
  readonly price: number;
}

export interface Needs {
  readonly pairs: number;
  readonly thoughts: number;
  /** HTTP calls, completions that they bring, and tokens that are read and written. */
  readonly calls: number;
  readonly completions: number;
  readonly promptTokens: number;
  readonly writtenTokens: number;
  /** Of preference pairs and SFT rows. */
  readonly trainedTokens: number;
  readonly gpuHours: { readonly sampling: number; readonly training: number };
  readonly bytes: { readonly ledger: number; readonly rows: number; readonly checkpoints: number };
  readonly money: number;
}

/** Bytes of a parameter in bfloat16. */
const BYTES = 2;
/** Checkpoints of a training, and the one that is kept. */
const CHECKPOINTS = 4;
const ORDERS = 2;

/** One run of the method (arXiv 2501.18099): SFT on one thought of each pair of the first round, DPO on all rows of each round once. */
export function needs(data: Data, machine: Machine): Needs {
  const { rounds, plans, executions, tokens } = data;
  const pairs = sum(rounds);
  const thoughts = pairs * plans * executions * ORDERS;
  const [first = 0, ...later] = rounds;
  // Plans of a prompt are one call, and so are executions of a plan in an order: from the second round on plans are asked in both orders.
  const planCalls = first + ORDERS * sum(later);
  const executionCalls = pairs * plans * ORDERS;
  const answers = pairs * data.answersPerPair;
  const planPrompts = first * tokens.question + ORDERS * sum(later) * tokens.judge;
  const written = thoughts * tokens.execution + pairs * plans * tokens.plan + answers * tokens.answer;
  const row = tokens.judge + tokens.plan + tokens.execution;
  const preferences = pairs * data.rowsPerPair;
  const sft = first * row;
  const dpo = preferences * 2 * row;
  const { parameters, trained, operations } = machine;
  // Forward 2 operations a parameter and token, as much for the gradients of activations, and of those weights that are trained
  // (Kaplan et al., arXiv 2001.08361, 2.1); the reference's forward comes to DPO.
  const training = 4 * parameters + 2 * trained;
  const reference = 2 * parameters;
  const hours = {
    sampling: written / machine.written / 3600,
    training: (sft * training + dpo * (training + reference)) / operations / 3600,
  };
  const trainings = 1 + rounds.length;
  return {
    pairs,
    thoughts,
    calls: planCalls + executionCalls + answers,
    completions: thoughts + pairs * plans + answers,
    promptTokens: planPrompts + executionCalls * (tokens.judge + tokens.plan) + answers * tokens.question,
    writtenTokens: written,
    trainedTokens: sft + dpo,
    gpuHours: hours,
    bytes: {
      ledger: thoughts * data.bytes.thought,
      rows: (preferences + first) * data.bytes.row,
      checkpoints: trainings * CHECKPOINTS * trained * BYTES,
    },
    money: (hours.sampling + hours.training) * machine.price,
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** The published setting: 21,729 pairs in two rounds, 5 plans, 4 executions in each order. Lengths are those of bench/scale.ts;
 * bytes of a thought are as measured by bench/round.ts with executions of 4 kB. */
export const PUBLISHED: Data = {
  rounds: [5_000, 16_729],
  answersPerPair: 2,
  plans: 5,
  executions: 4,
  rowsPerPair: 8,
  tokens: { question: 150, judge: 900, plan: 250, execution: 1_000, answer: 300 },
  bytes: { thought: 10_400, row: 12_800 },
};

/** Tokens a second: what NVIDIA tells for FP8 on an H100, 1,000 tokens in and 1,000 out (15,220 of Llama 3.1 8B on one, 4,205 of Llama
 * 3.3 70B on two), taken at 0.6 for bfloat16 and vLLM. Operations: what NVIDIA tells for LoRA on Llama 3 70B, 176 TFLOP/s. */
const SHARE = 0.6;
const OPERATIONS = 176e12;
const PRICE = 3;
/** LoRA of rank 16 on all linear layers of Llama 3.1 8B: 42 M parameters. */
export const GPU: Machine = {
  name: '8 B, LoRA',
  parameters: 8.03e9,
  trained: 42e6,
  written: 15_220 * SHARE,
  operations: OPERATIONS,
  price: PRICE,
};
export const CLUSTER: Machine = {
  name: '70 B, all weights',
  parameters: 70.6e9,
  trained: 70.6e9,
  written: (4_205 / 2) * SHARE,
  operations: OPERATIONS,
  price: PRICE,
};

/** The same with so many times the pairs. */
export const times = (data: Data, factor: number): Data => ({
  ...data,
  rounds: data.rounds.map((pairs) => pairs * factor),
});

/** As a table in Markdown, a column for each. */
export function table(columns: readonly { readonly name: string; readonly needs: Needs }[]): string {
  const short = (value: number) => {
    for (const [size, unit] of [
      [1e9, ' G'],
      [1e6, ' M'],
    ] as const)
      if (value >= size) return `${(value / size).toPrecision(3)}${unit}`;
    return Math.round(value).toLocaleString('en');
  };
  const gigabytes = (bytes: number) => `${Math.round(bytes / 1e9).toLocaleString('en')} GB`;
  const rows: readonly (readonly [string, (needs: Needs) => string])[] = [
    ['response pairs', ({ pairs }) => short(pairs)],
    ['thoughts', ({ thoughts }) => short(thoughts)],
    ['HTTP calls', ({ calls }) => short(calls)],
    ['completions', ({ completions }) => short(completions)],
    ['tokens read', ({ promptTokens }) => short(promptTokens)],
    ['tokens written', ({ writtenTokens }) => short(writtenTokens)],
    ['tokens trained on', ({ trainedTokens }) => short(trainedTokens)],
    ['GPU hours, sampling', ({ gpuHours }) => short(gpuHours.sampling)],
    ['GPU hours, training', ({ gpuHours }) => short(gpuHours.training)],
    ['ledger', ({ bytes }) => gigabytes(bytes.ledger)],
    ['rows', ({ bytes }) => gigabytes(bytes.rows)],
    ['checkpoints', ({ bytes }) => gigabytes(bytes.checkpoints)],
    ['money, $', ({ money }) => short(money)],
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(['', ...columns.map(({ name }) => name)]),
    line(['---', ...columns.map(() => '--:')]),
    ...rows.map(([name, of]) => line([name, ...columns.map((column) => of(column.needs))])),
  ].join('\n');
}

export const publishedTable = () =>
  table(
    [GPU, CLUSTER].flatMap((machine) => [
      { name: machine.name, needs: needs(PUBLISHED, machine) },
      { name: `${machine.name}, 10 × the data`, needs: needs(times(PUBLISHED, 10), machine) },
    ]),
  );

if (import.meta.main) console.log(publishedTable());

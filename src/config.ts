import { z } from 'zod';
import { EvalPlannerError } from './errors.ts';
import type { Json } from './key.ts';
import type { Model } from './model.ts';
import type { Source } from './source.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'has to be letters, digits, dots, dashes and underscores');
const count = z.int().nonnegative();
const whole = z.int().positive();
const share = z.number().min(0).max(1);

const lora = z
  .strictObject({
    rank: whole,
    /** The adapter's product is scaled by alpha / rank. */
    alpha: z.number(),
    targets: z.union([z.array(z.string()).min(1), z.literal('all-linear')]),
    merge: z.boolean().optional(),
  })
  .describe('Train a low-rank adapter in place of the weights (arXiv 2106.09685).');

const optimisation = {
  learningRate: z.number().positive(),
  warmupSteps: count,
  epochs: whole,
  batchSize: whole.describe('Rows per optimiser step: SFT rows or preference pairs.'),
  lora: lora.optional(),
};

const sft = z.strictObject({
  kind: z.literal('sft'),
  name: name.optional().describe('Of the judge that it makes; M1-SFT in the first round when absent.'),
  ...optimisation,
  thoughtsPerPair: whole
    .default(1)
    .describe('Correct thoughts of each pair that become rows; the method states one.'),
  plans: z
    .enum(['any', 'best'])
    .default('any')
    .describe('best: only thoughts of those plans that have led to the right verdict most often.'),
  verdictWeight: z
    .number()
    .nonnegative()
    .optional()
    .describe("Weight of the verdict's tokens in the loss, where that of others is 1; 1 when absent."),
});

const dpo = z.strictObject({
  kind: z.literal('dpo'),
  name: name.optional().describe('Of the judge that it makes; M1-DPO in the first round when absent.'),
  ...optimisation,
  beta: z.number().positive().default(0.1),
  nllWeight: z
    .number()
    .nonnegative()
    .default(1.5)
    .describe('Weight of the negative log-likelihood of the chosen thought.'),
});

const model = z.union([z.string().min(1), z.custom<Model>(isModel)]);

const rejected = z.enum(['modified', 'nearest', 'other']);

const places = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);

const source = z.strictObject({
  kind: z
    .enum(['general', 'math', 'pairs'])
    .describe('general: instructions; math: questions with answers; pairs: finished pairs.'),
  from: z
    .union([places, z.custom<Source>(isSource)])
    .describe(
      'Files, folders, globs, data sets of the hub (OWNER/NAME), `playground`, or an object in TypeScript.',
    ),
  validation: places.optional().describe('Held-out instructions; a tenth of `from` when absent, by a hash.'),
  test: places.optional().describe('Held-out instructions; a tenth of `from` when absent, by a hash.'),
  dev: places.optional().describe('Held-out instructions; a twentieth of `from` when absent, by a hash.'),
  preset: z
    .string()
    .optional()
    .describe('How rows are read, as `evalplanner pairs --from`; told by their fields when absent.'),
  fields: z
    .record(z.string(), z.string())
    .optional()
    .describe('Names of the fields of a row: instruction, response, rejected, answer.'),
  languages: z.array(z.string()).optional().describe('ISO 639-1 codes.'),
  minChars: count.optional(),
  maxChars: whole.optional(),
  maxResponseChars: whole.optional(),
  maxTurns: whole.optional(),
  toxic: z.boolean().optional().describe('Take rows that the set flags as toxic.'),
  duplicates: share
    .nullable()
    .optional()
    .describe('Similarity from which an instruction counts as a copy; null: exact copies only. Default 0.8.'),
  sample: whole.optional().describe('Only so many, drawn from all that pass.'),
  limit: whole.optional().describe('Only the first so many that pass.'),
  rejected: z
    .union([rejected, z.partialRecord(rejected, share)])
    .default('modified')
    .describe(
      'Of general: the answer to a modified instruction, to the most similar one of the set (nearest), to another; or shares of each, easy ones first.',
    ),
  onBadRow: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('skip: leave out and count what cannot be read.'),
});

const counts = z.record(name, count).describe('Instructions of each source, by its name.');

/** Everything a run is a function of (arXiv 2501.18099, section 3). */
const runConfig = z
  .strictObject({
    seed: z.int().default(0),
    prompts: z.enum(['playground', 'published']).default('published'),
    models: z.strictObject({
      judge: model.describe(
        'M0: what is trained. `playground` is the shipped seed model; else the folder of a checkpoint.',
      ),
      writer: model.optional().describe('Writes general pairs; the judge when absent.'),
      solver: model.optional().describe('Solves math questions; the judge when absent.'),
      planner: model.optional().describe('Writes the plans of the first round; the judge when absent.'),
    }),
    serve: z.literal('embedded').default('embedded').describe('How new checkpoints are sampled.'),
    trainer: z.literal('embedded').default('embedded'),
    sources: z.record(name, source),
    pairs: z
      .strictObject({
        solutions: whole.default(8).describe('Candidate solutions of each math question.'),
        answerTemperature: z
          .number()
          .nonnegative()
          .default(0)
          .describe('Of the answers that become chosen responses of general pairs.'),
        temperature: z
          .number()
          .nonnegative()
          .default(0.8)
          .describe('Of modified instructions and solutions.'),
        topP: share.default(0.95),
        maxTokens: whole.default(2048),
      })
      .prefault({}),
    rounds: z
      .array(
        z.strictObject({
          pairs: counts,
          train: z.array(z.discriminatedUnion('kind', [sft, dpo])).min(1),
        }),
      )
      .min(1)
      .max(9)
      .describe('Each: new pairs, thoughts of the judge so far on them, and trainings on those thoughts.'),
    validation: z.strictObject({ pairs: counts }).describe('Picks among the checkpoints of a training.'),
    test: z
      .strictObject({
        split: z.enum(['test', 'dev']).default('test').describe('dev while something is tuned.'),
        pairs: counts,
      })
      .describe('Held-out pairs that judges are measured on.'),
    thoughts: z
      .strictObject({
        plans: whole.default(5).describe('|P|: plans of each response pair.'),
        executions: whole.default(4).describe('|E|/2: executions of each plan in each order.'),
        temperature: z.number().positive().default(0.8),
        topP: share.default(0.95),
        maxPlanTokens: whole.default(2048),
        maxThoughtTokens: whole.default(2048),
      })
      .prefault({}),
    preferences: z
      .strictObject({
        pairing: z.enum(['within-plan', 'cross-plan', 'both']).default('within-plan'),
        maxPerPair: whole.default(32),
        maxPerGroup: whole.default(16),
        balanceVerdicts: z.boolean().default(false),
        minCorrectShare: share
          .default(0)
          .describe(
            'Pairs whose thoughts are right less often are left out, from SFT too: most are labelled wrongly.',
          ),
        consistent: z
          .boolean()
          .optional()
          .describe('Train only on correct thoughts that are correct in both orders (J1).'),
      })
      .prefault({}),
    optimiser: z
      .strictObject({
        weightDecay: z.number().nonnegative().default(0.1),
        betas: z.tuple([share, share]).default([0.9, 0.95]),
        maxGradNorm: z.number().positive().default(1),
        maxLength: whole.default(4096),
        checkpoints: whole.default(3).describe('Written along each training; validation picks among them.'),
      })
      .prefault({}),
    controls: z
      .strictObject({
        direct: z
          .strictObject(optimisation)
          .optional()
          .describe('A judge trained on verdicts alone, on the pairs of all rounds.'),
        unplanned: z
          .boolean()
          .default(false)
          .describe('A judge trained as the judge is, on thoughts without plans.'),
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    const known = Object.keys(config.sources);
    const used = [
      ...config.rounds.map(({ pairs }, i) => [pairs, ['rounds', i, 'pairs']] as const),
      [config.validation.pairs, ['validation', 'pairs']] as const,
      [config.test.pairs, ['test', 'pairs']] as const,
    ];
    for (const [pairs, path] of used)
      for (const one of Object.keys(pairs))
        if (!known.includes(one))
          context.addIssue({
            code: 'custom',
            path: [...path, one],
            message: `no source has this name; there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`,
          });
    const names = new Set<string>();
    for (const [i, { train }] of config.rounds.entries())
      for (const [j, training] of train.entries()) {
        const judge = judgeName(i + 1, training);
        const path = ['rounds', i, 'train', j, 'name'];
        if (RESERVED.test(judge))
          context.addIssue({ code: 'custom', path, message: `${judge} stands for something else` });
        else if (names.has(judge))
          context.addIssue({ code: 'custom', path, message: `an earlier training makes ${judge} already` });
        names.add(judge);
      }
  });

/** Names that a run uses itself: models by what they are for, controls, folders of checkpoints, files of rows. */
const RESERVED = /^(M0|writer|solver|planner|direct|unplanned([.-].*)?|steps|(sft|dpo)-\d)$/i;

/** What a person writes. */
export type RunConfig = z.input<typeof runConfig>;
/** With every default filled in. */
export type Resolved = z.output<typeof runConfig>;
export type Training = Resolved['rounds'][number]['train'][number];

/** A config, checked by the editor as it is written. */
export function defineConfig(config: RunConfig): RunConfig {
  return config;
}

/** Fills in what is left out. Throws EvalPlannerError `usage`, which names the first field that is wrong. */
export function resolveConfig(config: RunConfig): Resolved {
  const { success, data, error } = runConfig.safeParse(config);
  if (success) return data;
  const [first, ...others] = error.issues.flatMap(faults);
  const { path, expected } = first as Fault;
  const field = fieldName(path);
  const more = others.length === 0 ? '' : `, and ${others.length} more after it`;
  throw new EvalPlannerError(
    'usage',
    `${field} ${there(config, path)}: ${expected}`,
    `correct ${field === 'the config' ? field : `${field} in the config`}${more}`,
    error,
  );
}

interface Fault {
  readonly path: readonly PropertyKey[];
  readonly expected: string;
}

/** Each with the field that is wrong, and what it ought to be. */
function faults(issue: z.core.$ZodIssue): Fault[] {
  const { path, message } = issue;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], expected: 'there is no field of this name' }));
    case 'invalid_key':
      return issue.issues.slice(0, 1).map(({ message }) => ({ path, expected: `a name ${message}` }));
    case 'invalid_union': {
      if ('options' in issue && Array.isArray(issue.options))
        return [{ path, expected: `expected one of ${issue.options.join(', ')}` }];
      // Of a text or an object the text is what a file can hold.
      const [[one] = []] = issue.errors;
      return one === undefined
        ? [{ path, expected: message }]
        : faults({ ...one, path: [...path, ...one.path] });
    }
    case 'invalid_value':
      return [{ path, expected: `expected ${issue.values.map(String).join(' or ')}` }];
    default:
      return [{ path, expected: message.replace(/^(Invalid|Too)[^:]*: /, '').replace(/, received .*$/, '') }];
  }
}

/** `rounds[0].train[1].epochs`. */
function fieldName(path: readonly PropertyKey[]): string {
  const name = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return name === '' ? 'the config' : name;
}

/** What is there, briefly. */
function there(config: unknown, path: readonly PropertyKey[]): string {
  const value = path.reduce<unknown>(
    (found, part) =>
      typeof found === 'object' && found !== null ? (found as Record<PropertyKey, unknown>)[part] : undefined,
    config,
  );
  if (value === undefined) return 'is missing';
  if (Array.isArray(value)) return `has ${value.length} entries`;
  if (typeof value === 'object' && value !== null) return 'is an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return `is ${text.length > 60 ? `${text.slice(0, 57)}…` : text}`;
}

/** The config as JSON schema (2020-12), for editors; schema/config.json is it. */
export function configSchema(): object {
  return z.toJSONSchema(runConfig, {
    io: 'input',
    unrepresentable: 'any',
    // Objects of TypeScript cannot be written in a file.
    override({ jsonSchema }) {
      if (jsonSchema.anyOf) jsonSchema.anyOf = jsonSchema.anyOf.filter((one) => Object.keys(one).length > 0);
    },
  });
}

/** The name of the judge that a training of a round makes, where it has none of its own: M1-SFT, M1-DPO, M2-DPO. */
export function judgeName(round: number, { kind, name: own }: Pick<Training, 'kind' | 'name'>): string {
  return own ?? `M${round}-${kind.toUpperCase()}`;
}

/** What the ledger is a function of: the config but for where things run. Objects of one's own stand for themselves by their
 * revision. */
export function runIdentity({ serve: _, trainer: __, ...config }: Resolved): Json {
  return JSON.parse(
    JSON.stringify(config, (_, value: unknown) =>
      isModel(value) || isSource(value) ? { revision: value.revision } : value,
    ),
  ) as Json;
}

function isModel(value: unknown): value is Model {
  return has(value, 'revision', 'string') && has(value, 'generate', 'function');
}

function isSource(value: unknown): value is Source {
  return has(value, 'revision', 'string') && has(value, 'instructions', 'function');
}

function has(value: unknown, field: string, type: 'string' | 'function'): value is object {
  return (
    typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[field] === type
  );
}

import { z } from 'zod';
import { wrongField } from './config/faults.ts';
import { budget, isModel, model } from './config/model.ts';
import { count, name, share, whole } from './config/parts.ts';
import { prompts } from './config/prompts.ts';
import { faultsOfServe, serve } from './config/serve.ts';
import { source } from './config/source.ts';
import { faultsOfWriting, thoughts } from './config/thoughts.ts';
import { trainer } from './config/trainer.ts';
import { lora, optimisation, training } from './config/training.ts';

const counts = z.record(name, count).describe('Instructions of each source, by its name.');

/** Of a run, and of the judges that it trains. */
export const promptsField = z.enum(['playground', 'published']);

/** Everything a run is a function of (arXiv 2501.18099, section 3). */
const runConfig = z
  .strictObject({
    seed: z.int().default(0),
    prompts: prompts.default('published'),
    models: z.strictObject({
      judge: model.describe(
        'M0: what is trained. `playground` is the shipped seed model; else the folder of a checkpoint.',
      ),
      form: z
        .enum(['planned', 'two-call'])
        .optional()
        .describe(
          'How M0 judges before it is trained: whole thoughts, or a plan by one call and its execution by another; as its evalplanner.json says when absent.',
        ),
      writer: model.optional().describe('Writes general pairs; the judge when absent.'),
      solver: model.optional().describe('Solves math questions; the judge when absent.'),
      planner: model.optional().describe('Writes the plans of the first round; the judge when absent.'),
    }),
    serve,
    trainer,
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
          train: z.array(training).min(1),
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
    benchmarks: z
      .record(
        name,
        z.strictObject({
          from: z.string().min(1).optional().describe('Its folder or file; from the hub when absent.'),
          limit: whole.optional().describe('Only its first prompts.'),
          orders: z.enum(['official', 'both']).default('official'),
          judges: z
            .enum(['ends', 'all'])
            .default('ends')
            .describe('ends: M0 and the last judge; all: every judge, controls too.'),
        }),
      )
      .default({})
      .describe('Benchmarks of pairs by their names, as `evalplanner bench` knows them.'),
    contamination: z
      .enum(['count', 'leave-out'])
      .default('count')
      .describe(
        'What training instructions repeat of held-out sets and benchmarks, 13 words in a row or all: counted, or left out, too.',
      ),
    thoughts,
    preferences: z
      .strictObject({
        pairing: z
          .enum(['within-plan', 'cross-plan', 'both', 'twins'])
          .default('within-plan')
          .describe(
            'What a preference pair shares: the plan, the order only, either; or all but the verdict (twins: the wrong letter is put in).',
          ),
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
    lora: lora.optional().describe('Of every training that does not say otherwise.'),
    budget: budget.optional(),
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
    if (config.budget?.cost !== undefined)
      for (const role of ['judge', 'writer', 'solver', 'planner'] as const) {
        const given = config.models[role];
        const called = typeof given === 'string' ? given : given && !isModel(given) ? given.model : '';
        const prices = typeof given === 'object' && !isModel(given) ? given.prices : undefined;
        if (/^(openai|ai):/.test(called) && prices === undefined)
          context.addIssue({
            code: 'custom',
            path: ['models', role],
            message: 'a budget of money needs its prices: {model: …, prices: {prompt: …, completion: …}}',
          });
      }

    for (const [path, message] of faultsOfServe(config))
      context.addIssue({ code: 'custom', path: [...path], message });
    for (const [path, message] of faultsOfWriting(config))
      context.addIssue({ code: 'custom', path: ['thoughts', path], message });
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
const RESERVED = /^(M0(-guided)?|writer|solver|planner|direct|unplanned([.-].*)?|steps|(sft|dpo)-\d)$/i;

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
  throw wrongField(config, error, configSchema());
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

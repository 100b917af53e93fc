import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { smollm2 } from '../../parity/downloads.ts';
import { type Evaluation, reference, scratch } from '../../parity/reference.ts';
import { greedy } from '../../src/engine/sampling/greedy.contract.ts';
import { type Report, type RunConfig, readStore, runIn } from '../../src/index.ts';
import { openCheckpoint } from '../../src/model/local/checkpoint.ts';
import { readConfig } from '../../src/open/config.ts';
import { readJudgeFile } from '../../src/pipeline/judge-file.ts';
import { chatTemplate } from '../../src/prompts/chat-template.ts';

const python = inject('python');
const file = python === null ? null : await smollm2(python);
const PAIRS = 6;
const BATCH = 2;
const NEW_TOKENS = 20;

/** The example's config, as small as it may be: its first round, on few pairs. */
async function small(model: string): Promise<RunConfig> {
  const { config } = await readConfig(join(import.meta.dirname, 'evalplanner.config.yaml'));
  const train = (config.rounds[0] as RunConfig['rounds'][number]).train.map((how) => {
    const short = { ...how, epochs: 1, batchSize: BATCH, warmupSteps: 1 };
    return short.kind === 'sft' ? { ...short, thoughtsPerPair: 1 } : short;
  });
  return {
    ...config,
    models: { judge: `gguf:${model}` },
    rounds: [{ pairs: { instructions: PAIRS }, train }],
    validation: { pairs: { instructions: 2 } },
    test: { pairs: { instructions: 4 } },
    thoughts: { ...config.thoughts, plans: 1, executions: 1, maxPlanTokens: 32, maxThoughtTokens: 80 },
    preferences: { pairing: 'twins', maxPerPair: 1 },
    optimiser: { ...config.optimiser, checkpoints: 1 },
    controls: {},
  };
}

describe.skipIf(file === null)('the loop on SmolLM2', () => {
  let folder: string;
  let report: Report;
  beforeAll(async () => {
    folder = await scratch();
    report = (await runIn(folder, await small(file as string))) as Report;
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const trained = () => join(folder, 'checkpoints/M1-SFT');

  it('leads the model through thoughts that can all be read', () => {
    using store = readStore(join(folder, 'run.db'));
    const plans = [...store.plans({ round: 1 })];
    expect(plans).toHaveLength(PAIRS);
    for (const { text } of plans) expect(text).toMatch(/^A good answer must \S/);
    const thoughts = [...store.thoughts({ round: 1 })];
    for (const { execution, verdict } of thoughts) {
      expect(execution).toMatch(/^Answer A\W.*\nAnswer B\W/s);
      expect(['A', 'B']).toContain(verdict);
    }
    const { length: outputs } = thoughts;
    // Where it says nothing of an answer there is no thought.
    expect(outputs).toBeGreaterThanOrEqual(PAIRS);
    const told = report.readable?.find(({ stage }) => stage === 'thoughts 1');
    const left = { plans: 0, executions: 2 * PAIRS - outputs };
    expect(told).toEqual({ stage: 'thoughts 1', writing: 'guided', outputs, readable: outputs, left });
  });

  it('trains it twice, and says whether it has learned', () => {
    const { trainings = [], curves, stages, findings = [], learned } = report;
    expect(trainings.map(({ judge, dropped }) => [judge, dropped])).toEqual([
      ['M1-SFT', 0],
      ['M1-DPO', 0],
    ]);
    for (const [i, { rows }] of trainings.entries()) {
      expect(rows).toBeGreaterThan(0);
      const steps = curves[i]?.steps ?? [];
      expect(steps).toHaveLength(Math.ceil(rows / BATCH));
      for (const { loss } of steps) expect(loss).toBeGreaterThan(0);
    }
    expect(stages.map(({ name }) => name)).toEqual(['M0-guided', 'M0', 'M1-SFT', 'M1-DPO']);
    expect(learned).toBe(!findings.some(({ kind }) => kind === 'not better'));
  });

  it('leaves a folder that says how it is asked, and that transformers continues alike', async () => {
    expect(await readJudgeFile(trained())).toMatchObject({
      prompts: { base: 'published' },
      form: 'planned',
      trained: { judge: 'M1-SFT', pairs: PAIRS },
    });
    const opened = await openCheckpoint(trained());
    const chats = ['What is the capital of France?', 'Write a haiku about rain.'];
    const template = chatTemplate(opened.files);
    const prompts = chats.map((content) =>
      opened.tokenizer.encode(template.render([{ role: 'user', content }])),
    );
    const theirs = await reference().ask<Evaluation>({
      do: 'evaluate',
      dir: trained(),
      sequences: [],
      out: join(folder, 'none'),
      prompts,
      new_tokens: NEW_TOKENS,
    });
    expect(await greedy(opened.parameters, prompts, NEW_TOKENS)).toEqual(theirs.greedy);
    expect(theirs.loading.missing_keys).toEqual([]);
  });
});

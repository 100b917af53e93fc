import { describe, expect, test } from 'vitest';
import { PRESETS, type PresetName } from './cli/demo/presets.ts';
import { defineConfig, judgeName, type RunConfig, resolveConfig } from './config.ts';
import { EvalPlannerError } from './errors.ts';
import { scripted } from './model/scripted.ts';
import { runIdentity } from './pipeline/identity.ts';
import type { Source } from './source.ts';

const SFT = { kind: 'sft', learningRate: 1e-5, warmupSteps: 0, epochs: 1, batchSize: 8 } as const;
const DPO = { ...SFT, kind: 'dpo' } as const;

/** The shortest config there is. */
const SMALL = defineConfig({
  models: { judge: 'some/folder' },
  sources: { general: { kind: 'general', from: 'playground' } },
  rounds: [{ pairs: { general: 10 }, train: [SFT] }],
  validation: { pairs: { general: 2 } },
  test: { pairs: { general: 2 } },
});

test.each(Object.keys(PRESETS) as PresetName[])('the preset %s resolves, to itself again', (name) => {
  const resolved = resolveConfig(PRESETS[name]);
  expect(resolveConfig(resolved)).toEqual(resolved);
});

test('what is left out is what the paper states, or does nothing', () => {
  expect(resolveConfig(SMALL)).toMatchObject({
    seed: 0,
    prompts: 'published',
    serve: 'embedded',
    trainer: 'embedded',
    pairs: { solutions: 8, temperature: 0.8, topP: 0.95 },
    thoughts: { plans: 5, executions: 4, temperature: 0.8, topP: 0.95 },
    preferences: { pairing: 'within-plan', minCorrectShare: 0, balanceVerdicts: false },
    rounds: [{ train: [{ ...SFT, thoughtsPerPair: 1, plans: 'any' }] }],
    test: { split: 'test' },
    controls: { unplanned: false },
  });
  const { controls, models } = resolveConfig(SMALL);
  expect(controls.direct).toBeUndefined();
  expect(models).toEqual({ judge: 'some/folder' });
});

test('judges are called after their round and training, or as they are told', () => {
  expect(judgeName(1, { kind: 'sft' })).toBe('M1-SFT');
  expect(judgeName(2, { kind: 'dpo' })).toBe('M2-DPO');
  expect(judgeName(2, { kind: 'dpo', name: 'mine' })).toBe('mine');
});

describe('a config that is wrong', () => {
  function refusal(config: unknown): EvalPlannerError {
    try {
      resolveConfig(config as RunConfig);
    } catch (error) {
      expect(error).toBeInstanceOf(EvalPlannerError);
      const { code, message, remedy } = error as EvalPlannerError;
      expect(code).toBe('usage');
      expect(`${message}${remedy}`).not.toContain('\n');
      return error as EvalPlannerError;
    }
    return expect.unreachable();
  }
  const train = (...of: object[]) => ({ ...SMALL, rounds: [{ pairs: { general: 1 }, train: of }] });

  test.each([
    [{ ...SMALL, seed: 'x' }, 'seed is "x": expected number'],
    [{ ...SMALL, sed: 1 }, 'sed is 1: there is no field of this name; did you mean seed?'],
    [
      { ...SMALL, models: { judge: 'x', critic: 'y' } },
      'models.critic is "y": there is no field of this name',
    ],
    [{ ...SMALL, models: {} }, 'models.judge is missing: expected string'],
    [{ ...SMALL, models: { judge: {} } }, 'models.judge.model is missing: expected string'],
    [
      { ...SMALL, models: { judge: { model: 'x', apiKeyEnvs: 'K' } } },
      'models.judge.apiKeyEnvs is "K": there is no field of this name; did you mean apiKeyEnv?',
    ],
    [{ ...SMALL, prompts: { judge: 7 } }, 'prompts.judge is 7: expected string'],
    [{ ...SMALL, prompts: 'own' }, 'prompts is "own": expected playground or published'],
    [{ ...SMALL, serve: 'vllm' }, 'serve is "vllm": expected embedded'],
    [{ ...SMALL, thoughts: { plans: 0 } }, 'thoughts.plans is 0: expected number to be >0'],
    [{ ...SMALL, validation: undefined }, 'validation is missing: expected object'],
    [train({ kind: 'rl' }), 'rounds[0].train[0].kind is "rl": expected one of sft, dpo'],
    [
      train(SFT, { ...DPO, plans: 'best' }),
      'rounds[0].train[1].plans is "best": there is no field of this name',
    ],
    [train(), 'rounds[0].train has 0 entries: expected array to have >=1 items'],
    [
      { ...SMALL, rounds: [{ pairs: { general: 1, math: 3 }, train: [SFT] }] },
      'rounds[0].pairs.math is 3: no source has this name; there is general',
    ],
    [
      { ...SMALL, test: { pairs: { maths: 2 } } },
      'test.pairs.maths is 2: no source has this name; there is general',
    ],
    [
      { ...SMALL, sources: { 'a b': SMALL.sources.general } },
      'sources.a b is an object: a name has to be letters, digits, dots, dashes and underscores',
    ],
    [
      { ...SMALL, rounds: Array.from({ length: 10 }, () => SMALL.rounds[0]) },
      'rounds has 10 entries: expected array to have <=9 items',
    ],
    [{ ...SMALL, rounds: [] }, 'rounds has 0 entries: expected array to have >=1 items'],
    [train(SFT, SFT), 'rounds[0].train[1].name is missing: an earlier training makes M1-SFT already'],
    [
      train({ ...SFT, name: 'M1-DPO' }, DPO),
      'rounds[0].train[1].name is missing: an earlier training makes M1-DPO already',
    ],
    [
      { ...SMALL, models: { judge: 'x', writer: 'openai:m@http://h/v1' }, budget: { cost: 1 } },
      'models.writer is "openai:m@http://h/v1": a budget of money needs its prices: {model: …, prices: {prompt: …, completion: …}}',
    ],
    [
      { ...SMALL, prompts: 'playground', thoughts: { writing: 'guided' } },
      'thoughts.writing is "guided": the playground has no guide, and its seed model writes the format; expected free',
    ],
    [
      { ...SMALL, thoughts: { letterPull: 'correct' } },
      'thoughts.letterPull is "correct": it is of guided writing: give writing: guided, too',
    ],
    [
      { ...SMALL, thoughts: { writing: 'free', shots: 'mine.jsonl' } },
      'thoughts.shots is "mine.jsonl": it is of guided writing: give writing: guided, too',
    ],
    [7, 'the config is 7: expected object'],
    [undefined, 'the config is missing: expected object'],
  ])('%#: names the field, and what is there', (config, message) => {
    expect(refusal(config).message).toBe(message);
  });

  test.each([
    'M0',
    'M0-guided',
    'direct',
    'unplanned',
    'unplanned-SFT',
    'writer',
    'planner',
    'steps',
    'dpo-1',
  ])('no judge may be called %s', (name) => {
    expect(refusal(train({ ...SFT, name })).message).toBe(
      `rounds[0].train[0].name is "${name}": ${name} stands for something else`,
    );
  });

  test('says what to do in a line, and how much more there is', () => {
    expect(refusal({ ...SMALL, seed: 'x' }).remedy).toBe('correct seed in the config');
    expect(refusal({ ...SMALL, seed: 'x', sed: 1, prompts: 7 }).remedy).toBe(
      'correct seed in the config, and 2 more after it',
    );
    expect(refusal({ ...SMALL, prompts: 'x'.repeat(500) }).message.length).toBeLessThan(120);
  });
});

describe('what a run is a function of', () => {
  const own: Source = {
    kind: 'general',
    revision: 'r7',
    async *instructions() {
      yield { text: 'secret text', family: 'own' };
    },
  };

  test('leaves out where things run', () => {
    const identity = runIdentity(resolveConfig(SMALL));
    expect(identity).not.toHaveProperty('serve');
    expect(identity).not.toHaveProperty('trainer');
    expect(identity).toMatchObject({ seed: 0, models: { judge: 'some/folder' } });
  });

  test('leaves out places, keys and prices, which change nothing that is answered', () => {
    const of = (judge: RunConfig['models']['judge'], from: string) =>
      runIdentity(
        resolveConfig({ ...SMALL, models: { judge }, sources: { general: { kind: 'general', from } } }),
      );
    const one = of(
      { model: 'openai:m@http://a/v1', apiKeyEnv: 'K', prices: { prompt: 1, completion: 2 } },
      './a.csv',
    );
    expect(of('openai:m@https://b/v1', '/elsewhere/a.csv')).toEqual(one);
    expect(of({ model: 'openai:m@http://a/v1', body: { top_k: 5 } }, './a.csv')).not.toEqual(one);
  });

  test('takes objects by their revision', () => {
    const writer = scripted(() => 'a', 'mine');
    const config = resolveConfig({
      ...SMALL,
      models: { judge: 'some/folder', writer },
      sources: { general: { kind: 'general', from: own } },
    });
    expect(config.models.writer).toBe(writer);
    expect(config.sources.general?.from).toBe(own);
    expect(runIdentity(config)).toMatchObject({
      models: { judge: 'some/folder', writer: { revision: writer.revision } },
      sources: { general: { kind: 'general', revision: 'r7' } },
    });
    expect(JSON.parse(JSON.stringify(runIdentity(config)))).toEqual(runIdentity(config));
  });
});

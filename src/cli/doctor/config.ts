import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { addsOnly } from '../../config/additions.ts';
import { type Resolved, type RunConfig, resolveConfig } from '../../config.ts';
import { differences, type Json } from '../../key.ts';
import { readConfig } from '../../open/config.ts';
import { openPrompts } from '../../open/prompts.ts';
import { openBenchmarks, openRole, openSources } from '../../open/run.ts';
import { describeRun } from '../../open/run-in.ts';
import { startFolder } from '../../open/run-models.ts';
import { openServe } from '../../open/serve.ts';
import { openTrainer } from '../../open/trainer.ts';
import { sourceProblems, trainerProblems } from '../../pipeline/check.ts';
import { estimateRun } from '../../pipeline/estimate.ts';
import { checkRunFolder } from '../../pipeline/folder.ts';
import { instructionsOf, partsOf } from '../../pipeline/sets.ts';
import type { Stage } from '../../pipeline/stage.ts';
import { stagesOf } from '../../pipeline.ts';
import { counted, whole } from '../../report/format.ts';
import type { Source } from '../../source.ts';
import { openStore, readStore } from '../../store/ledger.ts';
import { attempt, type Check, failed } from './check.ts';

const MEND = 'correct it in the config';

/** Everything that would stop a run of a config, at once; nothing is written, and of a model one word is asked. */
export async function configChecks(path: string, out: string | undefined): Promise<Check[]> {
  let given: RunConfig;
  let config: Resolved;
  let name: string;
  try {
    const read = await readConfig(path);
    name = read.name;
    given = read.config;
    config = resolveConfig(given);
  } catch (error) {
    return [failed('config', error, MEND)];
  }
  const stages = stagesOf(config);
  const requests = estimateRun(stages, config, null).reduce((sum, stage) => sum + stage.requests, 0);
  const checks: Check[] = [
    {
      name: 'config',
      status: 'ok',
      detail: `${counted(stages.length, 'stage')}, at most ${whole(requests)} requests`,
    },
    await attempt('prompts', () => prompts(config), MEND),
    ...(await models(config)),
    ...(await sources(config)),
    ...(config.trainer === 'embedded' ? [] : await trainer(stages, config, name)),
  ];
  if (Object.keys(config.benchmarks).length > 0)
    checks.push(await attempt('benchmarks', () => benchmarks(config), MEND));
  // Which run a folder holds can be told of what opens only.
  if (checks.every(({ status }) => status !== 'fail')) {
    const place = out ?? join('runs', `${name}-${config.seed}`);
    checks.push(await attempt('folder', () => folder(given, place), 'choose another folder with --out'));
  }
  return checks;
}

/** Whether it could do the jobs of the run, and whether it is here. */
async function trainer(stages: readonly Stage[], config: Resolved, folder: string): Promise<Check[]> {
  const { trainer: choice } = config;
  const noThreads = () => {
    throw new Error('a trainer of this kind needs no threads of the engine');
  };
  const opened = await openTrainer(choice, noThreads, startFolder(config));
  try {
    const wrong = await trainerProblems(stages, config, { trainer: opened, folder });
    if (wrong.length > 0) return wrong.map((error) => failed('trainer', error, MEND));
    const notes = (await opened.ready?.()) ?? [];
    const kind = typeof choice === 'object' && 'kind' in choice ? choice.kind : 'of your own';
    return notes.length === 0
      ? [{ name: 'trainer', status: 'ok', detail: kind }]
      : notes.map((detail) => ({ name: 'trainer', status: 'warn', detail }));
  } catch (error) {
    return [failed('trainer', error, MEND)];
  } finally {
    await opened.close();
  }
}

async function prompts(config: Resolved): Promise<Check> {
  await openPrompts(config);
  const own = typeof config.prompts === 'string' ? config.prompts : 'of your own';
  return { name: 'prompts', status: 'ok', detail: own };
}

/** Each model that the config names, asked for a word. */
async function models(config: Resolved): Promise<Check[]> {
  const roles = ['judge', 'writer', 'solver', 'planner'] as const;
  const checks: Check[] = [];
  for (const role of roles) {
    const choice = config.models[role];
    if (role === 'judge' && config.serve !== 'embedded')
      checks.push(await attempt('serve', () => serves(config), MEND));
    else if (choice !== undefined) checks.push(await attempt(role, () => answers(role, config), MEND));
  }
  return checks;
}

/** Whether what is to sample the judges is there, and has M0. */
async function serves(config: Resolved): Promise<Check> {
  const { serve } = config;
  const start = startFolder(config) ?? '';
  const served = await openServe(serve, { start, folder: '.' });
  try {
    await served?.ready(start);
  } finally {
    await served?.close();
  }
  return { name: 'serve', status: 'ok', detail: typeof serve === 'string' ? serve : serve.kind };
}

async function answers(role: 'judge' | 'writer' | 'solver' | 'planner', config: Resolved): Promise<Check> {
  const { model, name } = await openRole(config, role);
  try {
    const request = {
      key: 'doctor',
      prompt: { messages: [{ role: 'user' as const, content: '5' }] },
      seed: 0,
      temperature: 0,
      topP: 1,
      maxTokens: 1,
    };
    for await (const { finishReason, error } of model.generate([request]))
      if (finishReason === 'error')
        throw new Error(`${name} gave no answer: ${error ?? 'it did not say why'}`);
  } finally {
    await model.close();
  }
  return { name: role, status: 'ok', detail: `${name} answers` };
}

/** Each by itself, so that one that is not there hides nothing of the others. */
async function sources(config: Resolved): Promise<Check[]> {
  using store = openStore(':memory:', { config: {} });
  const checks: Check[] = [];
  for (const [name, given] of Object.entries(config.sources)) {
    try {
      const opened = await openSources({ ...config, sources: { [name]: given } });
      const wrong = await sourceProblems(stagesOf(config), config, { sources: opened, store });
      checks.push(...wrong.map((error) => failed('source', error, MEND)));
      if (wrong.length === 0) checks.push(await yields(name, opened[name] as Source, config));
    } catch (error) {
      checks.push(failed('source', error, MEND));
    }
  }
  return checks;
}

/** How many instructions each set has of it. */
async function yields(name: string, source: Source, config: Resolved): Promise<Check> {
  const parts = partsOf(config, source, name);
  const told: string[] = [];
  let few = false;
  for (const set of new Set(parts.map((part) => part.set))) {
    const wanted = parts.reduce((sum, part) => (part.set === set ? sum + part.to - part.from : sum), 0);
    let count = 0;
    for await (const _ of instructionsOf(source, set, parts)) count++;
    if (count < wanted) few = true;
    told.push(`${set} ${whole(count)}${count < wanted ? ` of ${whole(wanted)}` : ''}`);
  }
  const detail = `${name}: ${told.join(', ')}`;
  return few
    ? {
        name: 'source',
        status: 'warn',
        detail,
        fix: 'the run takes what there is; ask for fewer, or give it more data',
      }
    : { name: 'source', status: 'ok', detail };
}

async function benchmarks(config: Resolved): Promise<Check> {
  const opened = Object.entries(await openBenchmarks(config)).map(
    ([name, { pairs }]) => `${name} ${counted(pairs.length, 'pair')}`,
  );
  return { name: 'benchmarks', status: 'ok', detail: opened.join(', ') };
}

/** Whether the run that lies there, if any, is one of this config. */
async function folder(given: RunConfig, path: string): Promise<Check> {
  const { description } = await describeRun(given);
  checkRunFolder(path, description);
  const ledger = join(path, 'run.db');
  if (!existsSync(ledger)) {
    // It, or what it will be made in.
    let there = resolve(path);
    while (!existsSync(there)) there = dirname(there);
    accessSync(there, constants.W_OK);
    return { name: 'folder', status: 'ok', detail: `${path} is free` };
  }
  using store = readStore(ledger);
  const changes = differences(store.config, description as unknown as Json);
  const refused = changes.filter((change) => !addsOnly(change)).map((change) => change.path);
  if (refused.length > 0)
    throw new Error(
      `${path} holds another run: ${refused.join(', ')} ${refused.length === 1 ? 'differs' : 'differ'}`,
    );
  const done = store.stages().filter(({ status }) => status === 'done').length;
  return { name: 'folder', status: 'ok', detail: `${path} holds this run, ${counted(done, 'stage')} done` };
}

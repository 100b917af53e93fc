import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Resolved } from '../config.ts';
import { EvalPlannerError } from '../errors.ts';
import { copyFolder, makeFolder, writeLinesAtomically } from '../files.ts';
import type { Json } from '../key.ts';
import { scores } from '../metrics.ts';
import { PreferenceCounts } from '../preferences/counts.ts';
import { preferenceRows } from '../preferences/rows.ts';
import { directRows, sftRows } from '../preferences/sft.ts';
import type { AskForm } from '../prompts/judge-prompt.ts';
import { ownPrompts } from '../prompts/own.ts';
import { seedOf } from '../random.ts';
import type { Store } from '../store.ts';
import { type Optimisation, type TrainJob, type TrainSettings, trainKey } from '../trainer.ts';
import type { PreferenceRow, ResponsePair, SftRow } from '../types.ts';
import { askedAs } from './asked-as.ts';
import { checkpointFolder, rowsFile, stepsFolder } from './folder.ts';
import { judged } from './judge.ts';
import { type JudgeFile, judgeFileOf, writeJudgeFile } from './judge-file.ts';
import { roundSet } from './sets.ts';
import type { Ports, StageWork, TrainStage } from './stage.ts';

/** Whether its rows or its checkpoint are not there any more. */
export function rowsLost({ judge, rows }: TrainStage, { folder }: Ports): boolean {
  return !existsSync(checkpointFolder(folder, judge)) || !existsSync(rowsFile(folder, rows));
}

/** What the trainer is asked for. */
export const jobKind = ({ how }: TrainStage): TrainJob['kind'] => (how.kind === 'dpo' ? 'dpo' : 'sft');

/** Writes the rows, trains, then lets the validation pairs pick the checkpoint. */
export async function runTraining(
  stage: TrainStage,
  config: Resolved,
  ports: Ports,
  work: StageWork,
): Promise<Json> {
  const { store, trainer, models, folder } = ports;
  const { judge, from, form } = stage;
  const { revision, chat } = await startOf(from, ports);
  const { rows, told } = await writeRows(stage, config, ports, chat);
  const settings = settingsOf(stage, config, rowsFile(folder, stage.rows));
  const place = models.place(from);
  if (place === null) throw cannotTrain(stage, settings.rows, rows);
  const startForm = askedAs({ judge: from, form }, config, store);
  if (rows === 0) return keepStart(stage, place, startForm, config, ports, work, told);
  const key = await trainKey(revision, settings);
  const job = { ...settings, key, model: place, out: stepsFolder(folder, judge) } as TrainJob;
  // Those of an earlier call come again, and were paid for then.
  const known = new Set(Array.from(store.steps(judge), ({ step }) => step));
  const { checkpoints, dropped } = await trainer.train(
    job,
    (step) => {
      // Stored one by one: the trainer's own state is then never ahead of the ledger.
      store.putSteps(judge, [step]);
      work.step(judge, step, known.has(step.step));
    },
    work.signal,
    (message) => work.note(`${judge}: ${message}`),
  );
  const file = fileOf(stage, form, config, ports);
  for (const path of checkpoints) await writeJudgeFile(path, file);
  const written = checkpoints.map((path) => ({
    path,
    name: `${judge}/${basename(path)}`,
    label: '',
    asked: form,
  }));
  const start = { path: place, name: from, label: `${judge}/start`, asked: startForm };
  // DPO can make a judge worse; then its start stays.
  const candidates = job.kind === 'dpo' ? [start, ...written] : written;
  let best = { path: '', label: '', accuracy: -1, asked: form as AskForm };
  const validation: Record<string, number> = {};
  for (const { path, name, label: own, asked } of candidates) {
    const label = own === '' ? name : own;
    const verdicts = await judged(name, { stage: label, split: 'validation', form: asked }, config, ports, {
      // The account is of the training.
      signal: work.signal,
    });
    const { accuracy } = scores(verdicts);
    validation[label] = accuracy;
    // A tie goes to the later one, which has seen more.
    if (accuracy >= best.accuracy) best = { path, label, accuracy, asked };
  }
  const kept = checkpointFolder(folder, judge);
  await copyFolder(best.path, kept);
  // A start that stays may have been told otherwise, or not at all.
  await writeJudgeFile(kept, fileOf(stage, best.asked, config, ports));
  return { kept: best.label, validation, rows, dropped, ...told };
}

/** Without a row there is nothing to learn from: the judge is what it began as, and the report says so. */
async function keepStart(
  stage: TrainStage,
  place: string,
  form: AskForm,
  config: Resolved,
  ports: Ports,
  work: StageWork,
  told: Told['told'],
): Promise<Json> {
  const { judge } = stage;
  const kept = checkpointFolder(ports.folder, judge);
  await copyFolder(place, kept);
  await writeJudgeFile(kept, fileOf(stage, form, config, ports));
  work.note(`there is nothing to train ${judge} on: it stays what it began as`);
  return { kept: `${judge}/start`, validation: {}, rows: 0, dropped: 0, ...told };
}

/** The rows are there for a trainer of one's own. */
function cannotTrain({ judge, from }: TrainStage, file: string, rows: number): EvalPlannerError {
  return new EvalPlannerError(
    'usage',
    `${judge} cannot be trained: ${from} is a model behind a server, not a checkpoint`,
    rows === 0
      ? 'no thought of it could be trained on; ask a larger model, or give models.judge a checkpoint in a new run'
      : `train on the ${rows} rows of ${file} elsewhere, or give models.judge a checkpoint in a new run`,
  );
}

/** What its checkpoints say of themselves. */
function fileOf(stage: TrainStage, form: AskForm, config: Resolved, { prompts, store }: Ports): JudgeFile {
  const given = config.prompts;
  const base = typeof given === 'string' ? given : 'base' in given ? given.base : 'published';
  return judgeFileOf(ownPrompts(prompts, base), prompts, {
    form,
    maxTokens: { plan: config.thoughts.maxPlanTokens, thought: config.thoughts.maxThoughtTokens },
    ...trainedOn(stage, config, store),
  });
}

/** All that a judge has learnt from: its own rounds and those of its starts. */
function trainedOn(
  { judge, sets }: TrainStage,
  config: Resolved,
  store: Store,
): Pick<JudgeFile, 'sources' | 'trained'> {
  const all = config.rounds.map(({ pairs }, i) => ({ set: roundSet(i + 1), pairs }));
  const rounds = all.findIndex(({ set }) => set === sets.at(-1)) + 1;
  const own = all.slice(0, rounds);
  const { pairs } = store.counts();
  const count = own.reduce((sum, { set }) => sum + (pairs[set] ?? 0), 0);
  const sources = Object.keys(config.sources).filter((name) =>
    own.some(({ pairs }) => (pairs[name] ?? 0) > 0),
  );
  return { sources, trained: { judge, seed: config.seed, rounds, pairs: count } };
}

async function startOf(name: string, { models }: Ports) {
  const model = await models.open(name);
  await model.close();
  const { revision, chat = false } = model;
  return { revision, chat };
}

/** What a trainer is asked for, but for where it starts. */
export function settingsOf({ judge, how }: TrainStage, config: Resolved, rows: string): TrainSettings {
  const { learningRate, warmupSteps, epochs, batchSize, lora = config.lora } = how;
  const { betas, ...optimiser } = config.optimiser;
  const optimisation: Optimisation = {
    ...optimiser,
    betas: [betas[0], betas[1]],
    learningRate,
    warmupSteps,
    epochs,
    batchSize,
    seed: seedOf(config.seed, judge),
    ...(lora ? { lora: lora as NonNullable<Optimisation['lora']> } : {}),
  };
  return how.kind === 'dpo'
    ? { kind: 'dpo', rows, optimisation, beta: how.beta, nllWeight: how.nllWeight }
    : { kind: 'sft', rows, optimisation, ...verdictWeightOf(how) };
}

const verdictWeightOf = (how: TrainStage['how']) =>
  'verdictWeight' in how && how.verdictWeight !== undefined ? { verdictWeight: how.verdictWeight } : {};

interface Told {
  readonly rows: number;
  /** What the stage's result says besides. */
  readonly told: { readonly [name: string]: Json };
}

/** The rows of a training as a file in TRL's format. */
async function writeRows(stage: TrainStage, config: Resolved, ports: Ports, chat: boolean): Promise<Told> {
  const { store, prompts, folder } = ports;
  const { sets, form, round, how, rows: name } = stage;
  const { preferences, seed } = config;
  const { minCorrectShare, consistent } = preferences;
  const write = (rows: Iterable<SftRow | PreferenceRow>) =>
    writeLinesAtomically(rowsFile(folder, name), chat ? withMessages(rows) : rows);
  const pairs = pairsOf(store, sets);
  makeFolder(join(folder, 'data'));
  if (form === 'direct' || round === null) return { rows: await write(directRows(prompts, pairs)), told: {} };
  if (how.kind === 'dpo') {
    const planned = form === 'planned';
    const counts = new PreferenceCounts();
    const options = {
      ...preferences,
      // Without plans there is one plan, the empty one, and nothing to cross.
      pairing: planned || preferences.pairing === 'twins' ? preferences.pairing : ('within-plan' as const),
      maxPerGroup: planned ? preferences.maxPerGroup : preferences.maxPerPair,
      consistent: consistent ?? false,
      round,
      form,
      seed,
    };
    const rows = await write(preferenceRows(store, prompts, pairs, options, counts));
    const { beta, nllWeight } = how;
    return { rows, told: { preferences: { ...counts.report(), beta, nllWeight } } };
  }
  const { thoughtsPerPair, plans } =
    'thoughtsPerPair' in how ? how : { thoughtsPerPair: 1, plans: 'any' as const };
  const options = {
    round,
    form,
    thoughtsPerPair,
    plans,
    minCorrectShare,
    ...(consistent ? { consistent } : {}),
    seed,
  };
  return { rows: await write(sftRows(store, prompts, pairs, options)), told: {} };
}

/** A model that is asked by a template is trained on messages: TRL's conversational form. */
function* withMessages(rows: Iterable<SftRow | PreferenceRow>): Generator<object, void, undefined> {
  const said = (content: string) => [{ role: 'assistant', content }];
  for (const row of rows) {
    const prompt = [{ role: 'user', content: row.prompt }];
    yield 'completion' in row
      ? { ...row, prompt, completion: said(row.completion) }
      : { ...row, prompt, chosen: said(row.chosen), rejected: said(row.rejected) };
  }
}

function* pairsOf(store: Store, sets: readonly string[]): Generator<ResponsePair, void, undefined> {
  for (const split of sets) yield* store.pairs({ split });
}

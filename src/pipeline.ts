import { judgeName, type Resolved } from './config.ts';
import type { Json } from './key.ts';
import { formOfM0 } from './pipeline/asked-as.ts';
import { runBench } from './pipeline/bench.ts';
import { RunBudget } from './pipeline/budget.ts';
import { modelsReady, problems, trainerReady } from './pipeline/check.ts';
import { guidanceOf, requireGuidance } from './pipeline/guided.ts';
import { withInputs } from './pipeline/inputs.ts';
import { runJudge } from './pipeline/judge.ts';
import { countLater, runPairs } from './pipeline/pairs.ts';
import { roundSet } from './pipeline/sets.ts';
import type { JudgeStage, Ports, RunOptions, Stage, StageDraft, ThoughtsStage } from './pipeline/stage.ts';
import { StageWork } from './pipeline/stage.ts';
import { runThoughts } from './pipeline/thoughts.ts';
import { rowsLost, runTraining } from './pipeline/train.ts';
import type { AskForm } from './prompts/judge-prompt.ts';
import { requirePrefill } from './sampling/prefill.ts';
import type { Store } from './store.ts';

/** Rounds of the control without plans are numbered apart from the judge's own. */
const UNPLANNED_ROUND = 10;

/** The method as data, in the order of arXiv 2501.18099 section 3: pairs, then for each round thoughts of the judge so far and
 * trainings on them, each new judge measured; controls last. */
export function stagesOf(config: Resolved): Stage[] {
  const { rounds, validation, test, controls } = config;
  const sets = rounds.map((_, i) => roundSet(i + 1));
  const stages = [
    ...rounds.map(({ pairs }, i) => pairsStage(sets[i] as string, pairs)),
    pairsStage('validation', validation.pairs),
    pairsStage(test.split, test.pairs),
    // First: what is learned is measured against the better of the two.
    ...(guidanceOf('M0', config).guided ? [judgeStage('M0-guided', test.split, 'guided')] : []),
    judgeStage('M0', test.split, formOfM0(config)),
    ...roundsOf(config, 'planned'),
    ...(controls.direct ? direct(config, controls.direct, sets) : []),
    ...(controls.unplanned ? roundsOf(config, 'unplanned') : []),
  ];
  return withInputs([...stages, ...benchStages(stages, config)], config);
}

/** M0 plays once, as it is. */
const isBenched = (stage: StageDraft): stage is StageDraft & JudgeStage & { form: AskForm } =>
  stage.kind === 'judge' && stage.form !== 'guided';

/** Last: what is measured besides takes nothing away from the method. */
function benchStages(stages: readonly StageDraft[], { benchmarks }: Resolved): StageDraft[] {
  const judges = stages.flatMap((stage) => (isBenched(stage) ? [stage] : []));
  const last = judges.findLast(({ control }) => !control);
  return Object.entries(benchmarks).flatMap(([benchmark, { judges: which }]) =>
    judges
      .filter((stage) => which === 'all' || stage.judge === 'M0' || stage === last)
      .map(({ judge, form, control }): StageDraft => {
        const title = `${judge} on ${benchmark}`;
        return { name: `bench ${judge} ${benchmark}`, title, kind: 'bench', judge, benchmark, form, control };
      }),
  );
}

function pairsStage(set: string, counts: Readonly<Record<string, number>>): StageDraft {
  return { name: `pairs ${set}`, title: `Response pairs of ${set}`, kind: 'pairs', set, counts };
}

function judgeStage(
  judge: string,
  set: string,
  form: JudgeStage['form'] = 'planned',
  control = false,
): StageDraft {
  const title = `${judge} judges the held-out pairs`;
  return { name: `judge ${judge}`, title, kind: 'judge', judge, set, form, control };
}

/** The rounds of the judge itself; or the same without plans, of which only the last judge is measured. */
function roundsOf(config: Resolved, form: ThoughtsStage['form']): StageDraft[] {
  const control = form === 'unplanned';
  const { split } = config.test;
  const names = new Set<string>();
  const stages: StageDraft[] = [];
  let from = 'M0';
  for (const [i, { train }] of config.rounds.entries()) {
    const number = i + 1;
    const round = control ? UNPLANNED_ROUND + number : number;
    const set = roundSet(number);
    const title = `Thoughts of ${from} on ${set}${control ? ', without plans' : ''}`;
    const writing = guidanceOf(from, config).guided ? { writing: 'guided' as const } : {};
    stages.push({
      name: `thoughts ${round}`,
      title,
      kind: 'thoughts',
      round,
      by: from,
      set,
      form,
      ...writing,
    });
    for (const [j, how] of train.entries()) {
      const last = number === config.rounds.length && j === train.length - 1;
      const same = train.slice(0, j).filter(({ kind }) => kind === how.kind).length;
      const judge = control ? unplannedName(number, how.kind, last, same) : judgeName(number, how);
      const rows = control || names.has(`${how.kind}-${number}`) ? judge : `${how.kind}-${number}`;
      names.add(rows);
      stages.push({
        name: `train ${judge}`,
        title: `Training ${judge} from ${from}`,
        kind: 'train',
        judge,
        from,
        round,
        sets: [set],
        form,
        how,
        rows,
        control,
      });
      if (!control) stages.push(judgeStage(judge, split));
      from = judge;
    }
  }
  if (control) stages.push(judgeStage(from, split, form, true));
  return stages;
}

/** `same`: trainings of this kind before it in the round. */
function unplannedName(round: number, kind: string, last: boolean, same: number): string {
  if (last) return 'unplanned';
  const name = kind === 'sft' && round === 1 ? 'unplanned-SFT' : `unplanned-${kind.toUpperCase()}-${round}`;
  return same === 0 ? name : `${name}.${same + 1}`;
}

/** Control: verdicts alone, trained on the same pairs. */
function direct(
  config: Resolved,
  how: NonNullable<Resolved['controls']['direct']>,
  sets: string[],
): StageDraft[] {
  return [
    {
      name: 'train direct',
      title: 'Training direct from M0',
      kind: 'train',
      judge: 'direct',
      from: 'M0',
      round: null,
      sets,
      form: 'direct',
      how: { kind: 'direct', ...how },
      rows: 'direct',
      control: true,
    },
    judgeStage('direct', config.test.split, 'direct', true),
  ];
}

/** Does what the ledger lacks of the method's stages, in their order, and records that it is done; running it again continues where it
 * stopped. Throws what stopped it: the stage is then `failed` in the ledger and what came is kept, but for an abort. */
export async function run(config: Resolved, ports: Ports, options: RunOptions = {}): Promise<void> {
  const { store } = ports;
  const { signal, onEvent } = options;
  const stages = stagesOf(config);
  if (stages.some((stage) => stage.kind === 'thoughts' && stage.form === 'planned' && stage.round > 1))
    requirePrefill(ports.models, 'a second round');
  const [problem] = await problems(stages, config, ports, signal);
  if (problem) throw problem;
  const notes = await trainerReady(stages, ports);
  await modelsReady(stages, ports, signal);
  await requireGuidance(stages, ports, signal);
  await options.onStart?.(stages, store);
  store.planStages(stages);
  const [first] = stages.filter(({ kind }) => kind === 'train');
  for (const message of notes) if (first) onEvent?.({ type: 'note', stage: first.name, message });
  if (first && ports.models.place('M0') === null)
    onEvent?.({
      type: 'note',
      stage: first.name,
      message: `models.judge is behind a server and cannot be trained: the run goes up to “${first.title}”, and leaves its rows`,
    });
  const budget = config.budget ? new RunBudget(config.budget, store.stages()) : null;
  for (const stage of stages) {
    signal?.throwIfAborted();
    // A stage whose files are gone is run again: what it did is in the ledger, and what it trained beside them.
    const lost = stage.kind === 'train' && rowsLost(stage, ports);
    const before = store.stage(stage.name);
    if (before?.status === 'done' && !lost) {
      if (stage.kind === 'pairs') await countLater(stage, config, ports, options);
      onEvent?.({ type: 'stage', stage: store.stage(stage.name) ?? before });
      continue;
    }
    const tell = () => {
      const record = store.stage(stage.name);
      if (record) onEvent?.({ type: 'stage', stage: record });
    };
    const work = new StageWork(stage, store, options, budget);
    discardOthers(stage, store);
    work.spend();
    work.tell();
    try {
      const result = await perform(stage, config, ports, work);
      work.spend();
      store.finishStage(stage.name, result);
    } catch (error) {
      quietly(() => work.spend());
      if (!(signal?.aborted && error === signal.reason)) {
        quietly(() => store.failStage(stage.name, error instanceof Error ? error.message : String(error)));
        quietly(tell);
      }
      throw error;
    }
    tell();
    if (stage.name === options.until) return;
  }
}

/** Takes away what was derived for the stage as it was before: rows of it would stay beside those of now. */
function discardOthers(stage: Stage, store: Store): void {
  const note = `begun ${stage.name}`;
  const begun = store.note(note);
  if (begun === stage.inputs) return;
  if (begun !== undefined) {
    if (stage.kind === 'thoughts') store.discard({ round: stage.round });
    if (stage.kind === 'train') store.discard({ judge: stage.judge });
  }
  store.putNote(note, stage.inputs);
}

function perform(stage: Stage, config: Resolved, ports: Ports, work: StageWork): Promise<Json> {
  switch (stage.kind) {
    case 'pairs':
      return runPairs(stage, config, ports, work);
    case 'thoughts':
      return runThoughts(stage, config, ports, work);
    case 'train':
      return runTraining(stage, config, ports, work);
    case 'judge':
      return runJudge(stage, config, ports, work);
    case 'bench':
      return runBench(stage, config, ports, work);
  }
}

/** The ledger may be what failed; the first error is the one to tell. */
function quietly(note: () => void): void {
  try {
    note();
  } catch {}
}

import type { BenchmarkIndex } from '../../audit/contamination.ts';
import { auditRun, type RunAudit } from '../../audit/run.ts';
import { accuracyGain, compareJudges, scores } from '../../metrics.ts';
import type { BenchResult } from '../../pipeline/bench.ts';
import { type Planned, plannedStages } from '../../pipeline/planned.ts';
import type { Stage } from '../../pipeline/stage.ts';
import type { PreferenceReport } from '../../preferences/counts.ts';
import { type JudgedForm, shown } from '../../prompts/judge-prompt.ts';
import { type PromptSet, templateVersions } from '../../prompts/set.ts';
import type { Evaluation, LedgerReader } from '../../store.ts';
import { ORDERS, type ResponsePair } from '../../types.ts';
import { findingsOf } from './findings.ts';
import type {
  Curve,
  Gain,
  PlanHabits,
  Readable,
  Report,
  Sample,
  SetScores,
  StageComparison,
  StageScores,
  Timing,
  TrainingFacts,
} from './report.ts';

/** What the ledger does not know about its run. */
export interface RunFacts {
  readonly version: string;
  readonly node: string;
  readonly preset: string;
  readonly seed: number;
  /** M0: its name and revision. */
  readonly model: string;
  readonly peakRssMB: number;
  /** Tells plans apart, where the prompts' world has kinds of them. */
  readonly planKinds?: PlanKinds;
}

/** Kinds of plans, and of which one a plan's text is. */
export interface PlanKinds {
  readonly kinds: readonly string[];
  of(plan: string): string;
}

/** Pairs to read, shared among the sources: between the least and the most of each. Each comes back in both orders from every judge. */
const READ = { all: 18, least: 2, most: 6 };

interface Judge {
  readonly name: string;
  readonly control: boolean;
  readonly form: JudgedForm;
  /** By source. */
  readonly verdicts: ReadonlyMap<string, readonly Evaluation[]>;
}

/** The report of a run, from its ledger alone; `benchmarks` are those whose prompts its training instructions may repeat. */
export function ledgerReport(
  store: LedgerReader,
  prompts: PromptSet,
  { planKinds, ...facts }: RunFacts,
  benchmarks: BenchmarkIndex | null = null,
): Report {
  const planned = plannedStages(store, 'judge');
  const [set] = planned.map(({ stage }) => stage.set);
  const pairs = new Map(
    set === undefined ? [] : [...store.pairs({ split: set })].map((pair) => [pair.id, pair]),
  );
  const sources = sourcesOf(store, set, pairs);
  const judges = planned.flatMap((judge) => judgeOf(store, judge, pairs));
  const timings = timingsOf(store);
  const audit = auditRun(store, benchmarks);
  const report = {
    schema: 3 as const,
    ...facts,
    templates: templateVersions(prompts),
    seconds: timings.reduce((sum, { seconds }) => sum + seconds, 0),
    sources,
    stages: judges.map(
      ({ name, control, verdicts }): StageScores => ({
        name,
        control,
        sets: Object.fromEntries(sources.map((source) => [source, setScores(verdicts.get(source) ?? [])])),
        ...playedBy(store, name),
      }),
    ),
    comparisons: comparisonsOf(judges, sources),
    counts: store.counts(),
    timings,
    curves: curvesOf(store),
    habits: planKinds ? judges.flatMap((judge) => habitsOf(judge, planKinds)) : [],
    audit,
    readable: readableOf(store, audit),
    preferences: preferencesOf(store),
    samples: samplesOf(judges, sources, pairs),
    trainings: trainingsOf(store),
    ...gainOf(judges),
  };
  const learned = report.gain === undefined ? {} : { learned: report.gain.interval[0] > 0 };
  return { ...report, ...learned, findings: findingsOf(report) };
}

/** In the order of the method. */
function readableOf(store: LedgerReader, { thoughts, judges }: RunAudit): Readable[] {
  return store.stages().flatMap(({ name, plan, result }): Readable[] => {
    const stage = plan as unknown as Stage;
    const judged = stage.kind === 'judge';
    if (!judged && stage.kind !== 'thoughts') return [];
    const counts = judged ? judges[stage.judge] : thoughts[stage.round];
    if (counts === undefined) return [];
    const guided = judged ? stage.form === 'guided' : stage.writing === 'guided';
    const { A = 0, B = 0 } = counts.verdicts;
    const { left } = (result ?? {}) as Pick<Readable, 'left'>;
    return [
      {
        stage: name,
        writing: guided ? 'guided' : 'free',
        outputs: counts.outputs,
        readable: A + B,
        ...(left ? { left } : {}),
      },
    ];
  });
}

function setScores(verdicts: readonly Evaluation[]): SetScores {
  const all = scores(verdicts);
  return { ...all, interval: all.intervals.accuracy };
}

function playedBy(store: LedgerReader, judge: string): Pick<StageScores, 'benchmarks'> {
  const played = plannedStages(store, 'bench').flatMap(({ stage, record }) =>
    stage.judge === judge && record.status === 'done'
      ? [[stage.benchmark, record.result as unknown as BenchResult] as const]
      : [],
  );
  return played.length === 0 ? {} : { benchmarks: Object.fromEntries(played) };
}

function trainingsOf(store: LedgerReader): TrainingFacts[] {
  return plannedStages(store, 'train').flatMap(({ stage: { judge }, record: { result } }) => {
    if (result === null) return [];
    const { rows = 0, dropped = 0, kept = '' } = result as { rows?: number; dropped?: number; kept?: string };
    return [{ judge, rows, dropped, kept }];
  });
}

/** The last judge of the method against the first, on all pairs together. */
function gainOf(judges: readonly Judge[]): { readonly gain?: Gain } {
  const own = judges.filter(({ control }) => !control);
  const [first] = own;
  const last = own.at(-1);
  if (first === undefined || last === undefined || first === last) return {};
  const all = ({ verdicts }: Judge) => [...verdicts.values()].flat();
  const { gain: accuracy, interval, pairs } = accuracyGain(all(first), all(last));
  return { gain: { first: first.name, last: last.name, pairs, accuracy, interval } };
}

/** The sources that the pairs of a set are of: those of which some came. */
function sourcesOf(
  store: LedgerReader,
  set: string | undefined,
  pairs: ReadonlyMap<string, ResponsePair>,
): string[] {
  const came = new Set([...pairs.values()].map(({ domain }) => domain));
  const counts = plannedStages(store, 'pairs').find(({ stage }) => stage.set === set)?.stage.counts ?? {};
  return Object.keys(counts).filter((source) => came.has(source));
}

/** One that has judged every pair; what it would score with some of them could not be compared. */
function judgeOf(
  store: LedgerReader,
  { stage: { judge, set, form, control }, record }: Planned<'judge'>,
  pairs: ReadonlyMap<string, ResponsePair>,
): Judge[] {
  if (record.status !== 'done') return [];
  const verdicts = Map.groupBy(
    store.evaluations({ stage: judge, split: set }),
    ({ pairId }) => pairs.get(pairId)?.domain ?? '',
  );
  return [{ name: judge, control, form, verdicts }];
}

/** By the judge that was trained, as its stage told it. */
function preferencesOf(store: LedgerReader): Record<string, PreferenceReport> {
  return Object.fromEntries(
    plannedStages(store, 'train').flatMap(({ stage, record }) => {
      const result = record.result as { preferences?: PreferenceReport } | null;
      return result?.preferences ? [[stage.judge, result.preferences]] : [];
    }),
  );
}

function timingsOf(store: LedgerReader): Timing[] {
  return store.stages().flatMap(({ name, status, seconds, tokens }) => {
    if (status === 'planned') return [];
    return [{ stage: name, seconds, tokens, tokensPerSecond: seconds === 0 ? 0 : tokens / seconds }];
  });
}

function curvesOf(store: LedgerReader): Curve[] {
  return plannedStages(store, 'train').flatMap(({ stage: { judge, how } }) => {
    const steps = [...store.steps(judge)];
    return steps.length === 0 ? [] : [{ stage: judge, kind: how.kind === 'dpo' ? 'dpo' : 'sft', steps }];
  });
}

/** The first judge and the controls, each against the last judge. */
function comparisonsOf(judges: readonly Judge[], sources: readonly string[]): StageComparison[] {
  const last = judges.findLast(({ control }) => !control);
  if (last === undefined) return [];
  const others = [judges.find(({ control }) => !control), ...judges.filter(({ control }) => control)];
  return others.flatMap((first) =>
    sources.flatMap((source) => {
      if (first === undefined || first === last) return [];
      const compared = compareJudges(first.verdicts.get(source) ?? [], last.verdicts.get(source) ?? []);
      return [{ source, first: first.name, second: last.name, ...compared }];
    }),
  );
}

function habitsOf({ name, verdicts }: Judge, planKinds: PlanKinds): PlanHabits[] {
  const plans = [...verdicts.values()]
    .flat()
    .flatMap(({ plan, correct }) => (plan === null ? [] : [{ kind: planKinds.of(plan), correct }]));
  if (plans.length === 0) return [];
  const kinds = planKinds.kinds.map((kind) => {
    const of = plans.filter((plan) => plan.kind === kind);
    const right = of.filter(({ correct }) => correct).length;
    return { kind, share: of.length / plans.length, accuracy: of.length === 0 ? null : right / of.length };
  });
  return [{ stage: name, plans: plans.length, kinds }];
}

/** The same pairs for every judge, so that a reader sees what training changed: pairs that the last judge got right and
 * the first one wrong, and the reverse, and pairs that both got right or wrong, taking turns. */
function samplesOf(
  judges: readonly Judge[],
  sources: readonly string[],
  pairs: ReadonlyMap<string, ResponsePair>,
): Sample[] {
  const [first] = judges;
  const last = judges.findLast(({ control }) => !control);
  if (first === undefined || last === undefined) return [];
  const read = Math.min(READ.most, Math.max(READ.least, Math.floor(READ.all / sources.length)));
  return sources.flatMap((source) => {
    const judged = first.verdicts.get(source) ?? [];
    const ids = [...new Set(judged.map(({ pairId }) => pairId))];
    const before = rightInBoth(judged);
    const after = rightInBoth(last.verdicts.get(source) ?? []);
    const groups = [
      ids.filter((id) => !before.has(id) && after.has(id)),
      ids.filter((id) => !before.has(id) && !after.has(id)),
      ids.filter((id) => before.has(id) && after.has(id)),
      ids.filter((id) => before.has(id) && !after.has(id)),
    ];
    const chosen: string[] = [];
    for (let turn = 0; chosen.length < Math.min(read, ids.length); turn++) {
      const id = groups[turn % groups.length]?.shift();
      if (id !== undefined) chosen.push(id);
    }
    return judges.flatMap((judge) => {
      const own = judge.verdicts.get(source) ?? [];
      return chosen.flatMap((id) =>
        ORDERS.flatMap((order): Sample[] => {
          const pair = pairs.get(id);
          const found = own.find((other) => other.pairId === id && other.order === order);
          return pair && found ? [sample(judge, pair, found)] : [];
        }),
      );
    });
  });
}

function rightInBoth(verdicts: readonly Evaluation[]): Set<string> {
  const wrong = new Set(verdicts.filter(({ correct }) => !correct).map(({ pairId }) => pairId));
  return new Set(verdicts.map(({ pairId }) => pairId).filter((id) => !wrong.has(id)));
}

function sample({ name, form }: Judge, pair: ResponsePair, found: Evaluation): Sample {
  const { order, verdict, correct, text, plan, execution } = found;
  return {
    stage: name,
    source: pair.domain,
    pairId: pair.id,
    order,
    ...shown(pair, order),
    plan: plan ?? '',
    // What cannot be read is shown as it is.
    execution: form === 'direct' ? '' : (execution ?? text.trim()),
    verdict,
    correct,
  };
}

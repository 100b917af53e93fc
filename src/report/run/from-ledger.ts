import type { BenchmarkIndex } from '../../audit/contamination.ts';
import { auditRun } from '../../audit/run.ts';
import { compareJudges, scores } from '../../metrics.ts';
import type { PreferenceReport } from '../../preferences/counts.ts';
import { shown } from '../../prompts/judge-prompt.ts';
import { type PromptSet, templateVersions } from '../../prompts/set.ts';
import type { Evaluation, Store } from '../../store.ts';
import { type Domain, ORDERS, type ResponsePair } from '../../types.ts';
import type {
  Curve,
  PlanHabits,
  Report,
  Sample,
  StageComparison,
  StageName,
  StageScores,
  Timing,
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
  /** The split that judges are measured on. */
  readonly split: string;
  /** Names of the run's stages, in their order. */
  readonly stages: readonly string[];
  /** Tells plans apart, where the prompts' world has kinds of them. */
  readonly planKinds?: PlanKinds;
}

/** Kinds of plans, and of which one a plan's text is. */
export interface PlanKinds {
  readonly kinds: readonly string[];
  of(plan: string): string;
}

const JUDGES: readonly StageName[] = ['M0', 'M1-SFT', 'M1-DPO', 'M2-DPO', 'direct', 'unplanned'];
const DOMAINS: readonly Domain[] = ['general', 'math'];
const COMPARED: readonly (readonly [StageName, StageName])[] = [
  ['M0', 'M2-DPO'],
  ['direct', 'M2-DPO'],
  ['unplanned', 'M2-DPO'],
];
/** Pairs to read of each domain; each comes back in both orders from every judge. */
const READ = 6;

interface Judge {
  readonly name: StageName;
  readonly verdicts: Readonly<Record<Domain, readonly Evaluation[]>>;
}

/** The report of a run, from its ledger alone; `benchmarks` are those whose prompts its training instructions may repeat. */
export function ledgerReport(
  store: Store,
  prompts: PromptSet,
  facts: RunFacts,
  benchmarks: BenchmarkIndex | null = null,
): Report {
  const { split, stages, planKinds, ...rest } = facts;
  const pairs = new Map([...store.pairs({ split })].map((pair) => [pair.id, pair]));
  const judges = JUDGES.flatMap((name): Judge[] => {
    const all = [...store.evaluations(name, split)];
    const of = (domain: Domain) => all.filter(({ pairId }) => pairs.get(pairId)?.domain === domain);
    return all.length === 0 ? [] : [{ name, verdicts: { general: of('general'), math: of('math') } }];
  });
  const timings = timingsOf(store, stages);
  return {
    schema: 1,
    ...rest,
    templates: templateVersions(prompts),
    seconds: timings.reduce((sum, { seconds }) => sum + seconds, 0),
    stages: judges.map(
      ({ name, verdicts }): StageScores => ({
        name,
        general: scores(verdicts.general),
        math: scores(verdicts.math),
      }),
    ),
    comparisons: comparisonsOf(judges),
    counts: store.counts(),
    timings,
    curves: curvesOf(store, stages),
    habits: planKinds ? judges.flatMap((judge) => habitsOf(judge, prompts, planKinds)) : [],
    audit: auditRun(store, benchmarks),
    preferences: preferencesOf(store, stages),
    samples: samplesOf(judges, pairs, prompts),
  };
}

/** As the training stages told it; a run of an earlier version did not. */
function preferencesOf(store: Store, names: readonly string[]): Record<string, PreferenceReport> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const result = store.stage(name)?.result as { preferences?: PreferenceReport } | null | undefined;
      return result?.preferences ? [[name.replace(/^train /, ''), result.preferences]] : [];
    }),
  );
}

function timingsOf(store: Store, names: readonly string[]): Timing[] {
  return names.flatMap((name) => {
    const stage = store.stage(name);
    if (stage === undefined) return [];
    const { seconds, tokens } = stage;
    return [{ stage: name, seconds, tokens, tokensPerSecond: seconds === 0 ? 0 : tokens / seconds }];
  });
}

function curvesOf(store: Store, names: readonly string[]): Curve[] {
  return names.flatMap((name) => {
    const trained = /^train (.+)$/.exec(name)?.[1];
    const steps = trained === undefined ? [] : [...store.steps(trained)];
    if (trained === undefined || steps.length === 0) return [];
    return [{ stage: trained, kind: steps[0]?.margin === undefined ? 'sft' : 'dpo', steps }];
  });
}

function comparisonsOf(judges: readonly Judge[]): StageComparison[] {
  const find = (name: StageName) => judges.find((judge) => judge.name === name)?.verdicts;
  return COMPARED.flatMap(([first, second]) =>
    DOMAINS.flatMap((domain) => {
      const [one, other] = [find(first)?.[domain] ?? [], find(second)?.[domain] ?? []];
      if (one.length === 0 || other.length === 0) return [];
      return [{ domain, first, second, ...compareJudges(one, other) }];
    }),
  );
}

function habitsOf({ name, verdicts }: Judge, prompts: PromptSet, planKinds: PlanKinds): PlanHabits[] {
  const plans = [...verdicts.general, ...verdicts.math].flatMap(({ text, correct }) => {
    const plan = prompts.parseThought(text)?.plan;
    return plan === undefined ? [] : [{ kind: planKinds.of(plan), correct }];
  });
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
  pairs: ReadonlyMap<string, ResponsePair>,
  prompts: PromptSet,
): Sample[] {
  const [first] = judges;
  const last = judges.findLast(({ name }) => name !== 'direct' && name !== 'unplanned');
  if (first === undefined || last === undefined) return [];
  return DOMAINS.flatMap((domain) => {
    const ids = [...new Set(first.verdicts[domain].map(({ pairId }) => pairId))];
    const before = rightInBoth(first.verdicts[domain]);
    const after = rightInBoth(last.verdicts[domain]);
    const groups = [
      ids.filter((id) => !before.has(id) && after.has(id)),
      ids.filter((id) => !before.has(id) && !after.has(id)),
      ids.filter((id) => before.has(id) && after.has(id)),
      ids.filter((id) => before.has(id) && !after.has(id)),
    ];
    const chosen: string[] = [];
    for (let turn = 0; chosen.length < Math.min(READ, ids.length); turn++) {
      const id = groups[turn % groups.length]?.shift();
      if (id !== undefined) chosen.push(id);
    }
    return judges.flatMap(({ name, verdicts }) =>
      chosen.flatMap((id) =>
        ORDERS.flatMap((order): Sample[] => {
          const pair = pairs.get(id);
          const found = verdicts[domain].find((other) => other.pairId === id && other.order === order);
          return pair && found ? [sample(name, pair, found, prompts)] : [];
        }),
      ),
    );
  });
}

function rightInBoth(verdicts: readonly Evaluation[]): Set<string> {
  const wrong = new Set(verdicts.filter(({ correct }) => !correct).map(({ pairId }) => pairId));
  return new Set(verdicts.map(({ pairId }) => pairId).filter((id) => !wrong.has(id)));
}

function sample(stage: StageName, pair: ResponsePair, found: Evaluation, prompts: PromptSet): Sample {
  const { order, verdict, correct, text } = found;
  const thought = prompts.parseThought(text);
  return {
    stage,
    domain: pair.domain,
    pairId: pair.id,
    order,
    ...shown(pair, order),
    plan: thought?.plan ?? '',
    // What cannot be read is shown as it is.
    execution: stage === 'direct' ? '' : (thought?.execution ?? prompts.parseExecution(text) ?? text.trim()),
    verdict,
    correct,
  };
}

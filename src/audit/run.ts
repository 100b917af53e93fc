import { hash } from 'node:crypto';
import type { LedgerReader } from '../store.ts';
import { normalised } from '../text/duplicates.ts';
import { ORDERS, type Order, type Thought, type VerdictKind } from '../types.ts';
import { type BenchmarkIndex, ContaminationCount, type ContaminationReport } from './contamination.ts';
import { type LengthBias, LengthCount } from './length.ts';
import { PlanCount, type PlanSuccess } from './plans.ts';

/** How outputs ended: counts by verdict, and the share that are right. */
export interface VerdictCounts {
  readonly outputs: number;
  readonly verdicts: Readonly<Partial<Record<VerdictKind, number>>>;
  readonly correct: number;
  /** Right outputs by the order of the responses: a judge that leans to a slot is better in one. */
  readonly byOrder: Readonly<Record<Order, { readonly outputs: number; readonly correct: number }>>;
}

/** What the ledger of a run shows of its data. */
export interface RunAudit {
  /** Response pairs by split: their number by family, and what length tells. */
  readonly pairs: Readonly<
    Record<string, { readonly groups: Readonly<Record<string, number>>; readonly length: LengthBias | null }>
  >;
  /** Instructions of the held-out sets that occur in training, too: none, if all is well. */
  readonly leaked: number;
  /** Different training instructions that repeat a prompt of a benchmark, placed by the id of their pair; absent where none was
   * looked for. */
  readonly contamination?: ContaminationReport;
  /** Thoughts by round. */
  readonly thoughts: Readonly<Record<string, VerdictCounts & { readonly plans: PlanSuccess }>>;
  /** Preference pairs by round: what length tells, and the verdicts of the chosen thoughts. */
  readonly preferences: Readonly<
    Record<string, { readonly length: LengthBias | null; readonly A: number; readonly B: number }>
  >;
  /** Judged pairs by judge. */
  readonly judges: Readonly<Record<string, VerdictCounts>>;
}

/** Audits a run from its ledger; memory is that of the thoughts of one response pair, and of a key for each instruction.
 * `index`: the benchmarks whose prompts are looked for. */
export function auditRun(store: LedgerReader, index: BenchmarkIndex | null = null): RunAudit {
  const counts = store.counts();
  const isTrained = trainedSets(store);
  const trained = new Set<string>();
  const contamination = index && new ContaminationCount(index);
  const held: string[] = [];
  const splits = new Map<string, { groups: Record<string, number>; length: LengthCount }>();
  for (const split of Object.keys(counts.pairs)) {
    const groups: Record<string, number> = Object.create(null);
    const own = { groups, length: new LengthCount() };
    for (const { id, family, instruction, chosen, rejected } of store.pairs({ split })) {
      own.groups[family] = (own.groups[family] ?? 0) + 1;
      own.length.add(chosen, rejected, instruction);
      const key = hash('sha256', normalised(instruction), 'base64url').slice(0, 22);
      if (!isTrained(split)) held.push(key);
      else if (!trained.has(key)) {
        trained.add(key);
        contamination?.add(id, instruction);
      }
    }
    splits.set(split, own);
  }
  const numbers = (record: Readonly<Record<number, unknown>>) => Object.keys(record).map(Number);
  return {
    pairs: Object.fromEntries(
      [...splits].map(([split, { groups, length }]) => [split, { groups, length: length.report() }]),
    ),
    leaked: held.filter((key) => trained.has(key)).length,
    ...(contamination ? { contamination: contamination.report() } : {}),
    thoughts: Object.fromEntries(numbers(counts.thoughts).map((round) => [round, thoughtsOf(store, round)])),
    preferences: Object.fromEntries(
      numbers(counts.preferences).map((round) => [round, preferencesOf(store, round)]),
    ),
    judges: Object.fromEntries(
      Object.keys(counts.evaluations)
        // Checkpoints that validation looked at carry their judge's name and a step.
        .filter((stage) => !stage.includes('/'))
        .map((stage) => [stage, judgedBy(store, stage)]),
    ),
  };
}

/** Which sets are for training: those that the planned trainings name; all of them where none is planned, since nothing is held out
 * then. */
function trainedSets(store: LedgerReader): (set: string) => boolean {
  const plans = store.stages().filter(({ kind }) => kind === 'train');
  if (plans.length === 0) return () => true;
  const sets = new Set(plans.flatMap(({ plan }) => (plan as unknown as { readonly sets: string[] }).sets));
  return (set) => sets.has(set);
}

function thoughtsOf(store: LedgerReader, round: number): VerdictCounts & { plans: PlanSuccess } {
  const verdicts = new VerdictCount();
  const plans = new PlanCount();
  let pair: Thought[] = [];
  for (const thought of store.thoughts({ round })) {
    verdicts.add(thought);
    if (pair[0] && pair[0].pairId !== thought.pairId) {
      plans.add(pair);
      pair = [];
    }
    pair.push(thought);
  }
  if (pair.length > 0) plans.add(pair);
  return { ...verdicts.report(), plans: plans.report() };
}

function preferencesOf(store: LedgerReader, round: number) {
  const length = new LengthCount();
  const chosenSays = { A: 0, B: 0 };
  const whole = ({ plan, execution }: Thought) => `${plan}\n${execution}`;
  let of: string | null = null;
  let thoughts = new Map<string, Thought>();
  for (const { pairId, chosenId, rejectedId } of store.preferences(round)) {
    // Those of one response pair stand together.
    if (of !== pairId)
      thoughts = new Map(Array.from(store.thoughts({ round, pairId }), (own) => [own.id, own]));
    of = pairId;
    const [chosen, rejected] = [chosenId, rejectedId].map((id) => thoughts.get(id));
    if (!chosen || !rejected) continue;
    length.add(whole(chosen), whole(rejected), pairId);
    if (chosen.verdict === 'A' || chosen.verdict === 'B') chosenSays[chosen.verdict]++;
  }
  return { length: length.report(), ...chosenSays };
}

function judgedBy(store: LedgerReader, stage: string): VerdictCounts {
  const verdicts = new VerdictCount();
  for (const evaluation of store.evaluations({ stage })) verdicts.add(evaluation);
  return verdicts.report();
}

class VerdictCount {
  #outputs = 0;
  #correct = 0;
  readonly #verdicts: Partial<Record<VerdictKind, number>> = {};
  readonly #byOrder = Object.fromEntries(
    ORDERS.map((order) => [order, { outputs: 0, correct: 0 }]),
  ) as Record<Order, { outputs: number; correct: number }>;

  add({ order, verdict, correct }: { order: Order; verdict: VerdictKind; correct: boolean }): void {
    this.#outputs++;
    this.#correct += Number(correct);
    this.#verdicts[verdict] = (this.#verdicts[verdict] ?? 0) + 1;
    this.#byOrder[order].outputs++;
    this.#byOrder[order].correct += Number(correct);
  }

  report(): VerdictCounts {
    return {
      outputs: this.#outputs,
      verdicts: this.#verdicts,
      correct: this.#correct,
      byOrder: this.#byOrder,
    };
  }
}

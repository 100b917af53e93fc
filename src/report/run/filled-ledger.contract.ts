import type { Json } from '../../key.ts';
import type { JudgeStage, StageDraft, ThoughtsStage, TrainStage } from '../../pipeline/stage.ts';
import type { JudgeForm } from '../../prompts/judge-prompt.ts';
import type { Evaluation, Store } from '../../store.ts';
import type { TrainStep } from '../../trainer.ts';
import { ORDERS, type ResponsePair } from '../../types.ts';

/** A ledger as a run leaves it that has names of its own, for tests of what reads ledgers. No model spoke and nothing was trained. */

/** Response pairs by set; of the source `maps` none came. */
const COUNTS = { d1: { wiki: 3, code: 2 }, d2: { math: 4 }, dev: { math: 3, wiki: 7, maps: 2, code: 2 } };
const CAME = ['math', 'wiki', 'code'];

const pairs = (set: keyof typeof COUNTS): StageDraft => {
  const counts = COUNTS[set];
  return { name: `pairs ${set}`, title: `Pairs of ${set}`, kind: 'pairs', set, counts };
};

const thoughts = (of: Omit<ThoughtsStage, 'kind'>): StageDraft => {
  return { name: `thoughts ${of.round}`, title: `Thoughts on ${of.set}`, kind: 'thoughts', ...of };
};

const train = (of: Omit<TrainStage, 'kind' | 'control'>, control = false): StageDraft => {
  const title = `Training ${of.judge} from ${of.from}`;
  return { name: `train ${of.judge}`, title, kind: 'train', ...of, control };
};

const judge = (name: string, form: JudgeForm = 'planned', control = false): StageDraft => {
  const stage: JudgeStage = { kind: 'judge', judge: name, set: 'dev', form, control };
  return { name: `judge ${name}`, title: `${name} judges`, ...stage };
};

const optimisation = { learningRate: 1e-4, warmupSteps: 2, epochs: 1, batchSize: 4 };
const sft = { kind: 'sft', ...optimisation, thoughtsPerPair: 2, plans: 'any' } as const;
const dpo = { kind: 'dpo', ...optimisation, name: 'careful', beta: 0.1, nllWeight: 1.5 } as const;

export const FILLED_STAGES: readonly StageDraft[] = [
  pairs('d1'),
  pairs('d2'),
  pairs('dev'),
  judge('M0'),
  thoughts({ round: 1, by: 'M0', set: 'd1', form: 'planned' }),
  train({ judge: 'M1-SFT', from: 'M0', round: 1, sets: ['d1'], form: 'planned', how: sft, rows: 'sft-1' }),
  judge('M1-SFT'),
  thoughts({ round: 2, by: 'M1-SFT', set: 'd2', form: 'planned' }),
  train({
    judge: 'careful',
    from: 'M1-SFT',
    round: 2,
    sets: ['d2'],
    form: 'planned',
    how: dpo,
    rows: 'dpo-2',
  }),
  judge('careful'),
  train(
    {
      judge: 'direct',
      from: 'M0',
      round: null,
      sets: ['d1', 'd2'],
      form: 'direct',
      how: { kind: 'direct', ...optimisation },
      rows: 'direct',
    },
    true,
  ),
  judge('direct', 'direct', true),
  judge('unplanned', 'unplanned', true),
];

/** Of each judge, the share of its verdicts that are right; the first ones of a source are. */
const SKILL: Readonly<Record<string, number>> = {
  M0: 0.3,
  'M1-SFT': 0.6,
  careful: 1,
  direct: 0.5,
  unplanned: 0.5,
};

/** Plans the stages, then does all of them but for those that `left` names: these stay planned. */
export function fillLedger(store: Store, left: readonly string[] = []): void {
  store.planStages(FILLED_STAGES);
  for (const stage of FILLED_STAGES) {
    if (left.includes(stage.name)) continue;
    let result: Json = null;
    if (stage.kind === 'pairs') store.putPairs(stage.set, pairsOf(stage.set, stage.counts));
    if (stage.kind === 'judge') store.putEvaluations(evaluationsOf(store, stage));
    if (stage.kind === 'train') {
      store.putSteps(stage.judge, stepsOf(stage));
      if (stage.how.kind === 'dpo') result = { preferences: { responsePairs: 4, dropped: { few: 1 } } };
    }
    store.spend(stage.name, { seconds: 2, tokens: stage.kind === 'pairs' ? 0 : 100 }, { done: 1, total: 1 });
    store.finishStage(stage.name, result);
  }
}

function pairsOf(set: string, counts: Readonly<Record<string, number>>): ResponsePair[] {
  return Object.entries(counts)
    .filter(([source]) => CAME.includes(source))
    .flatMap(([source, count]) =>
      Array.from({ length: count }, (_, i) => ({
        id: `${set}-${source}-${i}`,
        domain: source,
        family: 'all',
        instruction: `${set} ${source} ${i}`,
        chosen: `right ${i}`,
        rejected: `wrong ${i}`,
        provenance: {},
      })),
    );
}

function evaluationsOf(store: Store, { judge: stage, set: split, form }: JudgeStage): Evaluation[] {
  const all = [...store.pairs({ split })];
  return all.flatMap(({ id, domain }) => {
    const own = all.filter((pair) => pair.domain === domain);
    const correct = own.findIndex((pair) => pair.id === id) < (SKILL[stage] ?? 0) * own.length;
    return ORDERS.map((order): Evaluation => {
      const verdict = correct === (order === 'ab') ? 'A' : 'B';
      const execution = form === 'direct' || order === 'ba' ? null : `looked at ${id}`;
      const plan = form === 'planned' ? `look at ${domain}` : null;
      const text = ` ${plan ?? ''}${execution ?? ''} [[${verdict}]] `;
      return { stage, split, pairId: id, order, verdict, correct, text, plan, execution };
    });
  });
}

function stepsOf({ how }: TrainStage): TrainStep[] {
  return [1, 2, 3].map((step) => {
    const preference = { margin: step, accuracy: 1, chosenLogp: -1, rejectedLogp: -2 };
    return {
      step,
      steps: 3,
      loss: 1 / step,
      learningRate: 1,
      gradNorm: 1,
      tokens: 10,
      seconds: 0.1,
      ...(how.kind === 'dpo' ? preference : {}),
    };
  });
}

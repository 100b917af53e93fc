import { percent, whole } from '../format.ts';
import type { Finding, Report } from './report.ts';

/** More verdicts than this share for one slot are a habit and no judgment; fewer verdicts than READ tell nothing. */
const ONE_SLOT = 0.95;
const READ = 20;
/** Rows of thoughts are mostly lost where fewer than half of them can be read. */
const READABLE = 0.5;

/** What speaks against a run's judge: no gain that its held-out pairs show, trainings without rows, one slot, thoughts without a verdict. */
export function findingsOf({
  gain,
  stages,
  audit,
  trainings,
}: Omit<Report, 'findings' | 'learned'>): Finding[] {
  return [
    ...notBetter(gain),
    ...(trainings ?? []).filter(({ rows }) => rows === 0).map(noRows),
    ...Object.entries(audit?.thoughts ?? {}).flatMap(
      ([
        round,
        {
          outputs,
          verdicts: { A = 0, B = 0 },
        },
      ]) => (outputs >= READ && (A + B) / outputs < READABLE ? [unreadable(round, outputs, A + B)] : []),
    ),
    ...stages.slice(-1).flatMap(() => oneSlot(stages.findLast(({ control }) => !control))),
  ];
}

function notBetter(gain: Report['gain']): Finding[] {
  if (gain === undefined || gain.interval[0] > 0) return [];
  const { first, last, accuracy, interval, pairs } = gain;
  const points = (share: number) => `${share > 0 ? '+' : ''}${percent(share)}`.replace('-', '−');
  const worse = interval[1] < 0;
  return [
    {
      kind: 'not better',
      seen: `${last} is ${worse ? 'worse than' : 'not shown to be better than'} ${first}: ${points(accuracy)} points of accuracy (95 % interval ${points(interval[0])} to ${points(interval[1])}, ${whole(pairs)} pairs)`,
      cause: worse
        ? 'the trainings taught something else than judging: too high a learning rate, or pairs that are labelled wrongly'
        : 'nothing was learned, or too few held-out pairs to tell',
      remedy: 'read its thoughts; try more pairs in the rounds, easier ones first, and more held-out pairs',
    },
  ];
}

const noRows = ({ judge }: { readonly judge: string }): Finding => ({
  kind: 'no rows',
  seen: `${judge} was not trained: no thought or preference pair was left for it`,
  cause: 'its pairs had no right thought, or for DPO no right and wrong ones to compare',
  remedy:
    'sample more (thoughts.plans, thoughts.executions), lower preferences.minCorrectShare, or look at what was left out in the report',
});

const unreadable = (round: string, outputs: number, read: number): Finding => ({
  kind: 'unreadable',
  seen: `${percent(read / outputs)} % of the ${whole(outputs)} thoughts of round ${round} end in a verdict that can be read`,
  cause: 'the judge does not write the format of its prompts, or is cut before its verdict',
  remedy:
    'raise thoughts.maxThoughtTokens if they are cut; else lead M0 through its thoughts (thoughts.writing: guided), begin with a larger model, or let another one plan (models.planner)',
});

function oneSlot(last: Report['stages'][number] | undefined): Finding[] {
  if (last === undefined) return [];
  return Object.entries(last.sets).flatMap(([set, { pairs, firstSlot, invalid }]) => {
    const read = 2 * pairs * (1 - invalid);
    if (read < READ || (firstSlot <= ONE_SLOT && firstSlot >= 1 - ONE_SLOT)) return [];
    const slot = firstSlot > 0.5 ? 'A' : 'B';
    return [
      {
        kind: 'one slot' as const,
        seen: `${last.name} says ${slot} for ${percent(slot === 'A' ? firstSlot : 1 - firstSlot)} % of ${set}, whatever is shown there`,
        cause: 'it has learned a place and not the responses',
        remedy:
          'balance what it learns from (preferences.balanceVerdicts), take easier pairs first, or train on more rows',
      },
    ];
  });
}

import { choose } from '../judging/choose.ts';
import { conductBy, type JudgeAllOptions } from '../judging/judge.ts';
import { judgePair } from '../judging/judge-pair.ts';
import type { Judgment } from '../judging/judgment.ts';
import { rateOne } from '../judging/rate.ts';
import { type Settings, settings } from '../judging/settings.ts';
import type { Model } from '../model.ts';
import { random, seedOf, shuffle } from '../random.ts';
import { conduct } from '../sampling/conduct.ts';
import type { Task } from '../sampling/task.ts';
import { together } from '../sampling/together.ts';
import type { BenchmarkChoice, ChoiceGame, ChoiceVerdict, Way } from './choice.ts';
import { type Meter, metered } from './effort.ts';

export interface ChoicePlayOptions extends Omit<JudgeAllOptions, 'orders' | 'inputOrder'> {
  readonly way?: Way;
  /** Is told of every answer that a verdict rests on. */
  readonly meter?: Meter;
}

/** Has a model judge choices; games come as they are done. What can only be judged by ratings is rated where n responses are
 * shown at once, and left out where two are compared at a time. */
export async function* playChoices(
  model: Model,
  choices: readonly BenchmarkChoice[],
  { way = 'best-of-n', seed = 0, meter, ...options }: ChoicePlayOptions = {},
): AsyncGenerator<ChoiceGame, void, undefined> {
  const pairwise = settings(model, { ...options, seed });
  const rating = settings(model, { ...options, form: 'two-call', seed });
  const inPairs = way === 'knockout' || way === 'round-robin';
  function* task(choice: BenchmarkChoice): Task<ChoiceGame> {
    const byRating = way === 'ratings' || choice.ratingsOnly;
    return {
      choice,
      verdict: byRating
        ? yield* rated(choice, rating)
        : way === 'best-of-n'
          ? yield* named(choice, seed, pairwise)
          : yield* compared(choice, way, seed, pairwise),
    };
  }
  const playable = inPairs ? choices.filter(({ ratingsOnly }) => !ratingsOnly) : choices;
  const counted = (choice: BenchmarkChoice) => (meter ? metered(task(choice), meter) : task(choice));
  yield* conduct(playable, counted, { ...conductBy(model, options), inputOrder: false });
}

/** The responses' indices by slot: the first response, which is right, changes places with one that is drawn, as officially. */
export function shownOrder({ id, responses }: BenchmarkChoice, seed: number): number[] {
  const order = responses.map((_, index) => index);
  const slot = Math.floor(random(seedOf('slot of the right answer', seed, id))() * order.length);
  [order[0], order[slot]] = [order[slot] as number, order[0] as number];
  return order;
}

function* named(choice: BenchmarkChoice, seed: number, s: Settings): Task<ChoiceVerdict> {
  const order = shownOrder(choice, seed);
  const said = yield* choose(
    choice.instruction,
    order.map((index) => choice.responses[index] as string),
    s,
  );
  return 'none' in said ? { none: said.none } : { named: order[said.slot] as number, shown: order };
}

function* rated({ instruction, responses }: BenchmarkChoice, s: Settings): Task<ChoiceVerdict> {
  const ratings = yield* together(responses.map((response) => rateOne({ instruction, response }, s)));
  // No rating of the judge: what could not be asked is not to be taken for one.
  if (ratings.some(({ error }) => error !== undefined)) return { none: 'error' };
  return { ratings: ratings.map(({ score }) => score) };
}

/** In a drawn order, so that what two even responses are told apart by says nothing about them. A comparison without a winner
 * counts one half each, or in a knockout lets the one through that is earlier. */
function* compared(
  choice: BenchmarkChoice,
  way: 'knockout' | 'round-robin',
  seed: number,
  s: Settings,
): Task<ChoiceVerdict> {
  const { instruction, responses } = choice;
  const text = (index: number) => responses[index] as string;
  const compare = (i: number, j: number) => judgePair({ instruction, responses: [text(i), text(j)] }, s);
  let left = shuffle(
    random(seedOf('places', seed, choice.id)),
    responses.map((_, index) => index),
  );
  if (way === 'round-robin') {
    const pairs = left.flatMap((i, at) => left.slice(at + 1).map((j) => [i, j] as const));
    const judgments = yield* together(pairs.map(([i, j]) => compare(i, j)));
    if (judgments.some(unanswered)) return { none: 'error' };
    const points = responses.map(() => 0);
    for (const [at, { winner }] of judgments.entries()) {
      const [i, j] = pairs[at] as readonly [number, number];
      const share = winner === 'A' ? 1 : winner === 'B' ? 0 : 0.5;
      points[i] = (points[i] as number) + share;
      points[j] = (points[j] as number) + 1 - share;
    }
    return { ratings: points };
  }
  while (left.length > 1) {
    const half = left.length >> 1;
    const pairs = Array.from({ length: half }, (_, i) => [left[2 * i], left[2 * i + 1]] as [number, number]);
    const judgments = yield* together(pairs.map(([i, j]) => compare(i, j)));
    if (judgments.some(unanswered)) return { none: 'error' };
    const through = pairs.map(([i, j], at) => (judgments[at]?.winner === 'B' ? j : i));
    left = [...through, ...left.slice(2 * half)];
  }
  return { named: left[0] as number };
}

const unanswered = ({ orders }: Judgment) =>
  orders.some(({ votes }) => votes.every(({ verdict }) => verdict === 'error'));

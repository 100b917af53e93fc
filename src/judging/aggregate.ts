import type { Order } from '../types.ts';
import type { Judgment, OrderJudgment, Vote, Winner } from './judgment.ts';

const WORTH: Readonly<Record<Winner, number>> = { A: 1, tie: 0.5, B: 0 };

/** What most votes name; those without a verdict do not count. A and B even: a tie where one may be given, else none. */
export function majority(votes: readonly Pick<Vote, 'winner'>[], ties: boolean): Winner | null {
  const count = (winner: Winner) => votes.filter((vote) => vote.winner === winner).length;
  const [a, b, tie] = [count('A'), count('B'), count('tie')];
  if (a + b + tie === 0) return null;
  if (tie > Math.max(a, b)) return 'tie';
  if (a !== b && Math.max(a, b) > tie) return a > b ? 'A' : 'B';
  return ties ? 'tie' : null;
}

/** P(A is better) of votes: their log-probabilities, or else 1, 0 and ½; null where none names anything. */
export function preference(votes: readonly Pick<Vote, 'winner' | 'probabilityA'>[]): number | null {
  const worth = votes.flatMap(({ winner, probabilityA }) =>
    winner === null ? [] : [winner === 'tie' ? 0.5 : (probabilityA ?? WORTH[winner])],
  );
  return worth.length === 0 ? null : worth.reduce((sum, value) => sum + value, 0) / worth.length;
}

/** The verdict of all orders: what each of them names. `weighted`: what the mean of the orders' preferences says. */
export function conclude(
  byOrder: readonly { readonly order: Order; readonly votes: readonly Vote[] }[],
  { ties, weighted }: { readonly ties: boolean; readonly weighted: boolean },
): Pick<Judgment, 'winner' | 'consistent' | 'preference' | 'unweighted' | 'orders'> {
  const orders = byOrder.map(
    ({ order, votes }): OrderJudgment => ({ order, winner: majority(votes, ties), votes }),
  );
  const named = new Set(orders.map(({ winner }) => winner));
  const same = named.size === 1 ? (orders[0]?.winner ?? null) : null;
  const means = orders.map(({ votes }) => preference(votes));
  // A response shown first must not count more because the other order gave no verdict.
  const mean = means.some((value) => value === null)
    ? null
    : (means as number[]).reduce((sum, value) => sum + value, 0) / means.length;
  const bare = byOrder
    .flatMap(({ votes }) => votes)
    .filter(({ winner, probabilityA }) => winner !== null && winner !== 'tie' && probabilityA === undefined);
  return {
    winner: weighted ? byPreference(mean) : same,
    consistent: orders.length < 2 ? null : same !== null,
    preference: mean,
    ...(weighted && bare.length > 0 ? { unweighted: bare.length } : {}),
    orders,
  };
}

function byPreference(mean: number | null): Winner | null {
  if (mean === null) return null;
  if (mean === 0.5) return 'tie';
  return mean > 0.5 ? 'A' : 'B';
}

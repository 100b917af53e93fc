import { EvalPlannerError } from '../errors.ts';
import type { Model } from '../model.ts';
import type { InstructionInput } from '../prompts/conversation.ts';
import type { Usage } from '../sampling/task.ts';
import { sumUsage } from '../sampling/task.ts';
import { judgeAll } from './judge.ts';
import type { EvaluationPlan, Judgment } from './judgment.ts';
import type { JudgeOptions } from './settings.ts';

export interface RankOptions extends JudgeOptions {
  /** `round-robin`: every pair, n(n − 1)/2 comparisons (default). `knockout`: pairs of winners, n − 1 comparisons. */
  readonly method?: 'round-robin' | 'knockout';
}

export interface RankedJudgment extends Judgment {
  /** Indices of the responses that it compares. */
  readonly pair: readonly [number, number];
}

export interface Ranking {
  /** Index of the best response. */
  readonly best: number;
  /** Indices from the best to the worst. A knockout ranks by the round that a response reached. */
  readonly order: readonly number[];
  /** For each response: its comparisons won, a tie or no verdict counting one half each; in a knockout, rounds survived. */
  readonly points: readonly number[];
  readonly comparisons: readonly RankedJudgment[];
  readonly usage: Usage;
}

/** Rank n responses to one instruction by comparing pairs, each in both orders by default. Even points are told apart by the
 * sum of preferences, then by the order given. Throws EvalPlannerError (`usage`) for fewer than two responses. */
export async function rank(
  model: Model,
  {
    instruction,
    responses,
    plans,
  }: {
    readonly instruction: InstructionInput;
    readonly responses: readonly string[];
    readonly plans?: readonly EvaluationPlan[];
  },
  { method = 'round-robin', ...options }: RankOptions = {},
): Promise<Ranking> {
  if (responses.length < 2) {
    throw new EvalPlannerError('usage', `${responses.length} responses cannot be ranked`, 'give two or more');
  }
  const points = responses.map(() => 0);
  const preferences = responses.map(() => 0);
  const comparisons: RankedJudgment[] = [];

  const compare = async (pairs: readonly (readonly [number, number])[]): Promise<RankedJudgment[]> => {
    const judged: RankedJudgment[] = [];
    const questions = pairs.map(([i, j]) => ({
      instruction,
      responses: [responses[i] as string, responses[j] as string] as const,
      ...(plans ? { plans } : {}),
    }));
    for await (const judgment of judgeAll(model, questions, options)) {
      const pair = pairs[judged.length] as readonly [number, number];
      judged.push({ ...judgment, pair });
      const preference = judgment.preference ?? 0.5;
      preferences[pair[0]] = (preferences[pair[0]] as number) + preference;
      preferences[pair[1]] = (preferences[pair[1]] as number) + 1 - preference;
    }
    comparisons.push(...judged);
    return judged;
  };
  const give = (index: number, value: number) => {
    points[index] = (points[index] as number) + value;
  };

  if (method === 'round-robin') {
    const pairs = responses.flatMap((_, i) => responses.slice(i + 1).map((_, j) => [i, i + 1 + j] as const));
    for (const { pair, winner } of await compare(pairs)) {
      const share = winner === 'A' ? 1 : winner === 'B' ? 0 : 0.5;
      give(pair[0], share);
      give(pair[1], 1 - share);
    }
  } else {
    let left = responses.map((_, index) => index);
    while (left.length > 1) {
      const half = left.length >> 1;
      const pairs = Array.from(
        { length: half },
        (_, i) => [left[2 * i], left[2 * i + 1]] as [number, number],
      );
      const through = (await compare(pairs)).map(({ pair, winner, preference }) => {
        const second = winner === 'B' || (winner !== 'A' && (preference ?? 0.5) < 0.5);
        return pair[second ? 1 : 0];
      });
      left = [...through, ...left.slice(2 * half)];
      for (const index of left) give(index, 1);
    }
  }
  const by = (list: readonly number[], a: number, b: number) => (list[b] as number) - (list[a] as number);
  const order = responses
    .map((_, index) => index)
    .sort((a, b) => by(points, a, b) || by(preferences, a, b) || a - b);
  return {
    best: order[0] as number,
    order,
    points,
    comparisons,
    usage: sumUsage(comparisons.map(({ usage }) => usage)),
  };
}

import type { Sequence } from '../../src/engine/training/sequence.ts';
import type { Tokenizer } from '../../src/model/local/tokenizer.ts';
import { execute } from '../../src/playground/execution.ts';
import { habitPlan } from '../../src/playground/habits.ts';
import { type OraclePair, oraclePair } from '../../src/playground/pair.ts';
import { formatThought, playgroundJudge } from '../../src/prompts/judge.ts';
import { render } from '../../src/prompts/template.ts';
import { type Random, random, seedOf } from '../../src/random.ts';

/** Two completions of one prompt. */
export interface PairOfSequences {
  readonly chosen: Sequence;
  readonly rejected: Sequence;
}

/** What every side measures on: token ids, so that nobody's tokenizer is in the figures. */
export interface Rows {
  /** Batches as they are trained: rows of about one length together. */
  readonly sft: readonly (readonly Sequence[])[];
  readonly dpo: readonly (readonly PairOfSequences[])[];
  readonly prompts: readonly (readonly number[])[];
  /** Tokens of thoughts of each prompt, the end included: as many thoughts as are sampled. */
  readonly lengths: readonly (readonly number[])[];
}

export interface RowCounts {
  readonly batches: number;
  readonly batchSize: number;
  readonly prompts: number;
  readonly sampling?: { readonly samples: number };
}

const side = (turned: boolean) => (turned ? 'B' : 'A') as 'A' | 'B';

/** Judge prompts and thoughts of the playground. The chosen thought is right; a rejected one names the other response.
 * Every other pair shares its plan: there the rejected execution is the one of the responses swapped. */
export function playgroundRows(tokenizer: Tokenizer, eos: number, counts: RowCounts): Rows {
  const next = random(seedOf('bench:engine'));
  const size = counts.batches * counts.batchSize;
  const judgments = Array.from({ length: counts.prompts }, () => judged(next));
  const sequence = (prompt: string, completion: string): Sequence => {
    const start = tokenizer.encode(prompt);
    return { ids: [...start, ...tokenizer.encode(completion), eos], start: start.length };
  };
  const thoughts = Array.from({ length: size }, () => {
    const { prompt, thought } = judged(next);
    return sequence(prompt, thought(false));
  });
  const pairs = Array.from({ length: size }, (_, i) => {
    const { prompt, thought } = judged(next);
    const chosen = sequence(prompt, thought(false));
    return { chosen, rejected: sequence(prompt, thought(true, i % 2 === 0)) };
  });
  return {
    sft: batches(thoughts, counts.batchSize, ({ ids }) => ids.length),
    dpo: batches(pairs, counts.batchSize, ({ chosen, rejected }) =>
      Math.max(chosen.ids.length, rejected.ids.length),
    ),
    prompts: judgments.map(({ prompt }) => tokenizer.encode(prompt)),
    lengths: judgments.map(({ thought }) =>
      Array.from(
        { length: counts.sampling?.samples ?? 0 },
        () => tokenizer.encode(thought(next() < 0.5, false)).length + 1,
      ),
    ),
  };
}

interface Judged {
  readonly prompt: string;
  /** A thought; `wrong`: its verdict names the other response. After the pair's plan, or one of its own. */
  readonly thought: (wrong: boolean, samePlan?: boolean) => string;
}

function judged(next: Random): Judged {
  const pair: OraclePair = oraclePair(next, 'train');
  const { problem, chosen, rejected } = pair;
  const turned = next() < 0.5;
  const [a, b] = turned ? [rejected, chosen] : [chosen, rejected];
  const plan = habitPlan(problem, next);
  return {
    prompt: render(playgroundJudge, { instruction: problem.instruction, a, b }),
    thought: (wrong, samePlan = true) => {
      const followed = samePlan ? plan : habitPlan(problem, next);
      const { text } = wrong ? execute(followed, b, a, next) : execute(followed, a, b, next);
      return formatThought(followed.text, text, side(turned !== wrong));
    },
  };
}

export function batches<T>(rows: readonly T[], size: number, length: (row: T) => number): T[][] {
  const sorted = rows.toSorted((a, b) => length(a) - length(b));
  return Array.from({ length: sorted.length / size }, (_, i) => sorted.slice(i * size, (i + 1) * size));
}

import { type Interval, wilson } from '../metrics.ts';
import { type Game, type JudgedOrder, judgedOrders, mean } from './benchmark.ts';
import { coefficientInterval, type Fit } from './conditional-logit.ts';
import { logistic, type Observation, sigmoid } from './logistic.ts';

/** How much a judge's verdicts follow length. */
export interface LengthControl {
  /** Share of right verdicts at equal length: σ(b₀) of the fit. */
  readonly accuracyAtEqualLength: number;
  readonly interval: Interval;
  /** b₁: log-odds of a right verdict for one standard deviation more length on the better response; 0: length is ignored. */
  readonly coefficient: number;
  readonly coefficientInterval: Interval;
  /** s, in characters. */
  readonly spread: number;
  /** What a judge would score that always names the longer response (equal lengths count one half). */
  readonly longerIsBetter: number;
  /** Accuracy by length difference (better minus worse, in characters), in fifths from "much shorter" to "much longer". */
  readonly fifths: readonly {
    readonly from: number;
    readonly to: number;
    readonly median: number;
    readonly accuracy: number;
    readonly interval: Interval;
    readonly verdicts: number;
  }[];
}

/** A logistic fit of the right verdicts on the length difference, as AlpacaEval 2 (arXiv 2404.04475) controls for length:
 * P(right) = σ(b₀ + b₁ tanh((|better| − |worse|) / s)), s the root mean square of the differences, so that 0 stays equal length. */
export function lengthControl(games: readonly Game[]): LengthControl {
  const rows = judgedOrders(games).map((row) => ({ ...row, difference: longerBy(row.pair) }));
  const spread = rootMeanSquare(rows.map(({ difference }) => difference)) || 1;
  const fit = logistic(rows.map((row) => observation(row, [Math.tanh(row.difference / spread)])));
  const longer = games.map(({ pair }) => (Math.sign(longerBy(pair)) + 1) / 2);
  return {
    accuracyAtEqualLength: sigmoid(fit.coefficients[0] as number),
    interval: accuracyInterval(fit, rows),
    coefficient: fit.coefficients[1] ?? 0,
    coefficientInterval: rows.length === 0 ? [0, 0] : coefficientInterval(fit, 1),
    spread,
    longerIsBetter: longer.reduce((sum, value) => sum + value, 0) / Math.max(1, longer.length),
    fifths: fifths(
      rows.map(({ difference, result, pair }) => ({
        difference,
        points: result === 1 ? 1 : 0,
        prompt: pair.prompt,
      })),
    ),
  };
}

/** Mean points by length difference, in fifths. */
export function fifths(
  rows: readonly { readonly difference: number; readonly points: number; readonly prompt: string }[],
): LengthControl['fifths'] {
  const sorted = rows.toSorted((a, b) => a.difference - b.difference);
  return Array.from({ length: 5 }, (_, i) =>
    sorted.slice(Math.round((i * sorted.length) / 5), Math.round(((i + 1) * sorted.length) / 5)),
  )
    .filter((fifth) => fifth.length > 0)
    .map((fifth) => {
      const accuracy = mean(fifth.map(({ points }) => points));
      return {
        from: fifth[0]?.difference ?? 0,
        to: fifth.at(-1)?.difference ?? 0,
        median: fifth[fifth.length >> 1]?.difference ?? 0,
        accuracy,
        // All verdicts of a prompt count as one observation: too wide where they are independent.
        interval: wilson(accuracy, new Set(fifth.map(({ prompt }) => prompt)).size),
        verdicts: fifth.length,
      };
    });
}

/** Of a verdict about a pair, with the features of the pair's difference. */
export function observation({ pair, result }: JudgedOrder, x: readonly number[]): Observation {
  return { x, right: result === 1, prompt: pair.prompt };
}

/** σ(b₀ ± 1.96 errors); Wilson's over prompts where all verdicts agree, of which a fit knows no error. */
export function accuracyInterval(fit: Fit, rows: readonly JudgedOrder[]): Interval {
  const right = rows.filter(({ result }) => result === 1).length;
  if (right === 0 || right === rows.length)
    return wilson(right === 0 ? 0 : 1, new Set(rows.map(({ pair }) => pair.prompt)).size);
  const [low, high] = coefficientInterval(fit, 0);
  return [sigmoid(low), sigmoid(high)];
}

export function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / Math.max(1, values.length));
}

function longerBy({ first, second, gold }: Game['pair']): number {
  return (first.length - second.length) * (gold === 'first' ? 1 : -1);
}

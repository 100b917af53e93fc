import type { LlamaConfig } from '../llama/config.ts';
import { referenceLogits } from '../llama/reference.contract.ts';
import type { Sequence } from './sequence.ts';

type Weights = ReadonlyMap<string, Float64Array>;

/** log p of each completion token, in double precision, one sequence at a time. */
export function referenceLogProbabilities(
  config: LlamaConfig,
  weights: Weights,
  sequence: Sequence,
): number[] {
  const { ids, start } = sequence;
  const logits = referenceLogits(config, weights, ids);
  return ids.slice(start).map((id, i) => {
    const row = logits.slice((start + i - 1) * config.vocabSize, (start + i) * config.vocabSize);
    const top = Math.max(...row);
    return row[id]! - top - Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0));
  });
}

export const sumOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** −Σ w log p / Σ w over the completion tokens of a batch. */
export function referenceSft(config: LlamaConfig, weights: Weights, sequences: readonly Sequence[]): number {
  const logps = sequences.map((sequence) => referenceLogProbabilities(config, weights, sequence));
  const w = sequences.map((sequence, s) => sequence.weights ?? logps[s]!.map(() => 1));
  return -sumOf(logps.map((row, s) => sumOf(row.map((logp, i) => logp * w[s]![i]!)))) / sumOf(w.flat());
}

/** DPO, arXiv 2305.18290 eq. 7, a mean over pairs, plus nllWeight times the mean negative log-likelihood of the
 * chosen tokens (arXiv 2404.19733 eq. 1, a mean over the batch's tokens). */
export function referenceDpo(
  config: LlamaConfig,
  weights: Weights,
  pairs: readonly {
    readonly chosen: Sequence;
    readonly rejected: Sequence;
    readonly referenceMargin: number;
  }[],
  beta: number,
  nllWeight: number,
): number {
  const chosen = pairs.map((pair) => referenceLogProbabilities(config, weights, pair.chosen));
  const losses = pairs.map(({ rejected, referenceMargin }, p) => {
    const margin = sumOf(chosen[p]!) - sumOf(referenceLogProbabilities(config, weights, rejected));
    return Math.log(1 + Math.exp(-beta * (margin - referenceMargin)));
  });
  const tokens = chosen.flat();
  return sumOf(losses) / pairs.length - (nllWeight * sumOf(tokens)) / tokens.length;
}

/** Central differences of a loss at about `count` elements spread over all parameters, by name. */
export function differences(
  weights: ReadonlyMap<string, Float64Array>,
  loss: () => number,
  perParameter: number,
): Map<string, readonly (readonly [index: number, derivative: number])[]> {
  const step = 1e-5;
  return new Map(
    [...weights].map(([name, values]) => {
      const stride = Math.max(1, Math.floor(values.length / perParameter));
      // Not always the first column.
      const picked = Array.from({ length: perParameter }, (_, i) => (i * stride + i) % values.length);
      const found = picked.map((index) => {
        const value = values[index]!;
        const at = (shifted: number) => {
          values[index] = shifted;
          const result = loss();
          values[index] = value;
          return result;
        };
        return [index, (at(value + step) - at(value - step)) / (2 * step)] as const;
      });
      return [name, found] as const;
    }),
  );
}

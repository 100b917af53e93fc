import type { Published } from '../../benchmarks/benchmark.ts';
import type { ChoiceScore } from '../../benchmarks/choice-score.ts';
import type { Effort } from '../../benchmarks/effort.ts';
import type { BenchmarkScore } from '../../benchmarks/score.ts';

/** report.json of a folder of `evalplanner bench`. All shares are fractions from 0 to 1. */
export interface BenchmarkReport {
  readonly kind: 'bench';
  /** Of this format. */
  readonly schema: 1;
  readonly version: string;
  readonly node: string;
  readonly judge: JudgeFacts;
  /** Where the benchmarks' files were, as it was given; null: those that come with the package. */
  readonly data: string | null;
  /** Drew RewardBench's orders, the thoughts and the intervals. */
  readonly seed: number;
  readonly selection: Selection;
  readonly benchmarks: readonly BenchmarkResult[];
  /** Of choices among n responses. */
  readonly choices: readonly ChoiceResult[];
}

export interface JudgeFacts {
  readonly name: string;
  /** Of the weights; null for verdicts that were made elsewhere. */
  readonly revision: string | null;
  /** How it judged, in words: `planned, greedy`. */
  readonly settings: string;
}

/** Which pairs were judged, and in which orders. */
export interface Selection {
  readonly orders: 'official' | 'both' | 'as given';
  /** The first n prompts only. */
  readonly limit: number | null;
  /** Pairs of at most n characters only. */
  readonly maxChars: number | null;
}

export interface BenchmarkResult extends BenchmarkScore {
  /** Of all the pairs that its files hold. */
  readonly digest: string;
  /** Null for verdicts that were made elsewhere. */
  readonly effort: Effort | null;
  readonly published: readonly Published[];
}

export interface ChoiceResult extends ChoiceScore {
  /** Of all the choices that its files hold. */
  readonly digest: string;
  /** Null for verdicts that were made elsewhere. */
  readonly effort: Effort | null;
  readonly published: readonly Published[];
}

export type BenchResult = BenchmarkResult | ChoiceResult;

export function isOfChoices(result: BenchResult): result is ChoiceResult {
  return 'way' in result;
}

export function isOfPairs(result: BenchResult): result is BenchmarkResult {
  return !isOfChoices(result);
}

/** Which pairs were left out by choice, in words; empty for none. */
export function selected({ limit, maxChars }: Selection): string {
  return [
    ...(limit === null ? [] : [limit === 1 ? 'the first prompt' : `the first ${limit} prompts`]),
    ...(maxChars === null ? [] : [`pairs of at most ${maxChars} characters`]),
  ].join(' of ');
}

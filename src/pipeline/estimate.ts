import { firstPrompts } from '../benchmarks/rows.ts';
import type { ModelChoice } from '../config/model.ts';
import { isModel } from '../config/model.ts';
import type { Resolved } from '../config.ts';
import { publishedGuide } from '../prompts/published/guide.ts';
import type { LedgerReader, StageRecord } from '../store.ts';
import { MEASURED, requestsPerPair } from '../thoughts/thoughts.ts';
import { ORDERS } from '../types.ts';
import { guidanceOf } from './guided.ts';
import { tokensOf } from './judge.ts';
import { isDone } from './planned.ts';
import type { Ports, Stage } from './stage.ts';

/** Of the published guide: prompts of one's own are not opened for an estimate. */
const PARTS = { guide: publishedGuide };

/** What a stage will still take. */
export interface StageEstimate {
  readonly stage: string;
  readonly kind: Stage['kind'];
  /** Of models; a training's are those that pick among its checkpoints. */
  readonly requests: number;
  /** That the models will write: at the length measured so far, or at most. */
  readonly tokens: number;
  readonly measured: boolean;
  /** Null where nothing of its kind was measured. */
  readonly seconds: number | null;
  /** Null where a model has no price. */
  readonly cost: number | null;
}

/** Tokens in a second, and in an answer, where something was measured. */
export interface Rates {
  readonly [kind: string]:
    | { readonly secondsPerRequest: number; readonly tokensPerRequest: number }
    | undefined;
}

export interface EstimateOptions {
  /** What a trial has measured, for kinds of which the run has nothing. */
  readonly trial?: Rates;
  /** The data of the config's benchmarks. */
  readonly benchmarks?: Ports['benchmarks'];
}

/** What the stages that are not done yet will take, from the rates of those that are; `store` null: nothing is done. */
export function estimateRun(
  stages: readonly Stage[],
  config: Resolved,
  store: Pick<LedgerReader, 'stage'> | null,
  { trial = {}, benchmarks = {} }: EstimateOptions = {},
): StageEstimate[] {
  const rates = { ...trial, ...measuredRates(stages, config, benchmarks, store) };
  return stages.flatMap((stage): StageEstimate[] => {
    const record = store?.stage(stage.name);
    if (isDone(stage, record)) return [];
    const { requests: all, most, model } = sizeOf(stage, config, benchmarks);
    const share = record && record.total > 0 && stage.kind !== 'train' ? record.done / record.total : 0;
    const requests = Math.round(all * (1 - share));
    const rate = rates[stage.kind];
    const tokens = Math.round(requests * (rate?.tokensPerRequest ?? most));
    const prices = model === null || isModel(model) || typeof model === 'string' ? undefined : model.prices;
    return [
      {
        stage: stage.name,
        kind: stage.kind,
        requests,
        tokens,
        measured: rate !== undefined,
        seconds:
          requests === 0 && stage.kind !== 'train' ? 0 : rate ? requests * rate.secondsPerRequest : null,
        cost: costOf(requests, tokens, prices, record),
      },
    ];
  });
}

/** Prompts are as long as those that were measured, or as an answer may be: pairs are shown with it. */
function costOf(
  requests: number,
  tokens: number,
  prices: { readonly prompt: number; readonly completion: number } | undefined,
  record: StageRecord | undefined,
) {
  if (prices === undefined) return null;
  const prompt =
    record && record.done > 0 ? record.promptTokens / record.done : tokens / Math.max(1, requests);
  return (requests * prompt * prices.prompt + tokens * prices.completion) / 1e6;
}

function measuredRates(
  stages: readonly Stage[],
  config: Resolved,
  benchmarks: NonNullable<Ports['benchmarks']>,
  store: Pick<LedgerReader, 'stage'> | null,
): Rates {
  const sums = new Map<string, { seconds: number; tokens: number; requests: number }>();
  for (const stage of stages) {
    const record = store?.stage(stage.name);
    if (record === undefined || record.done === 0) continue;
    const share = record.total === 0 ? 0 : record.done / record.total;
    const sum = sums.get(stage.kind) ?? { seconds: 0, tokens: 0, requests: 0 };
    sum.seconds += record.seconds;
    sum.tokens += stage.kind === 'train' ? 0 : record.tokens;
    sum.requests += sizeOf(stage, config, benchmarks).requests * share;
    sums.set(stage.kind, sum);
  }
  return Object.fromEntries(
    [...sums].flatMap(([kind, { seconds, tokens, requests }]) =>
      requests === 0
        ? []
        : [[kind, { secondsPerRequest: seconds / requests, tokensPerRequest: tokens / requests }] as const],
    ),
  );
}

/** How many requests a stage takes in all, how long an answer may be, and which model is asked. */
function sizeOf(
  stage: Stage,
  config: Resolved,
  benchmarks: NonNullable<Ports['benchmarks']>,
): { requests: number; most: number; model: ModelChoice | null } {
  const { thoughts, models, pairs, sources, rounds, validation, test } = config;
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
  const setSize = (set: string) =>
    sum(
      set === 'validation'
        ? validation.pairs
        : set === test.split
          ? test.pairs
          : (rounds[Number(set.slice(1)) - 1]?.pairs ?? {}),
    );
  switch (stage.kind) {
    case 'pairs': {
      // An answer and a modified instruction with its answer; candidate solutions; nothing for pairs that are finished.
      const each = { general: 2, math: pairs.solutions, pairs: 0 };
      const requests = Object.entries(stage.counts).reduce(
        (all, [name, n]) => all + n * each[sources[name]?.kind ?? 'pairs'],
        0,
      );
      return { requests, most: pairs.maxTokens, model: models.writer ?? models.judge };
    }
    case 'thoughts': {
      const { plans, executions, maxThoughtTokens } = thoughts;
      const how = { form: stage.form, plans, executions, ...guidanceOf(stage.by, config) };
      const each = requestsPerPair(how, PARTS);
      return {
        requests: setSize(stage.set) * each,
        most: maxThoughtTokens,
        model: stage.by === 'M0' ? models.judge : null,
      };
    }
    case 'train': {
      const candidates = config.optimiser.checkpoints + (stage.how.kind === 'dpo' ? 1 : 0);
      return {
        requests: candidates * setSize('validation') * ORDERS.length,
        most: thoughts.maxThoughtTokens,
        model: null,
      };
    }
    case 'judge': {
      const each =
        stage.form === 'guided'
          ? requestsPerPair(MEASURED, PARTS)
          : ORDERS.length + (stage.form === 'two-call' ? 1 : 0);
      return {
        requests: setSize(stage.set) * each,
        most: tokensOf(stage.form, config).maxTokens,
        model: stage.judge === 'M0' || stage.form === 'guided' ? models.judge : null,
      };
    }
    case 'bench': {
      const { limit, orders } = config.benchmarks[stage.benchmark] ?? {};
      const { benchmark, pairs: all = [] } = benchmarks[stage.benchmark] ?? {};
      const plans = stage.form === 'two-call' ? 1 : 0;
      return {
        requests: firstPrompts(all, limit).reduce((requests, pair) => {
          const played = orders === 'both' ? ORDERS : (benchmark?.orders(pair, config.seed) ?? []);
          return requests + played.length + plans;
        }, 0),
        most: tokensOf(stage.form, config).maxTokens,
        model: stage.judge === 'M0' ? models.judge : null,
      };
    }
  }
}

import { firstPrompts } from '../benchmarks/rows.ts';
import type { ModelChoice } from '../config/model.ts';
import { isModel } from '../config/model.ts';
import type { Resolved } from '../config.ts';
import type { Prices } from '../prices.ts';
import { publishedGuide } from '../prompts/published/guide.ts';
import type { LedgerReader } from '../store.ts';
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
  /** Requests that the instructions of a set take, of each source by its name; as many as its kind may take where it is absent. */
  readonly pairs?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What the stages that are not done yet will take, from the rates of those that are; `store` null: nothing is done. */
export function estimateRun(
  stages: readonly Stage[],
  config: Resolved,
  store: Pick<LedgerReader, 'stage'> | null,
  options: EstimateOptions = {},
): StageEstimate[] {
  const rates = { ...options.trial, ...measuredRates(stages, config, options, store) };
  return stages.flatMap((stage): StageEstimate[] => {
    const record = store?.stage(stage.name);
    if (isDone(stage, record)) return [];
    const all = asksOf(stage, config, options);
    const share = record && record.total > 0 && stage.kind !== 'train' ? record.done / record.total : 0;
    const rate = rates[stage.kind];
    const left = all.map((one): Left => {
      const requests = Math.round(one.requests * (1 - share));
      return {
        requests,
        tokens: requests * (rate?.tokensPerRequest ?? one.most),
        prices: pricesOf(one.model),
      };
    });
    const requests = requestsOf(left);
    const asked = requestsOf(all) * share;
    const prompt = record && asked > 0 ? record.promptTokens / asked : null;
    return [
      {
        stage: stage.name,
        kind: stage.kind,
        requests,
        tokens: Math.round(left.reduce((sum, { tokens }) => sum + tokens, 0)),
        measured: rate !== undefined,
        seconds:
          requests === 0 && stage.kind !== 'train' ? 0 : rate ? requests * rate.secondsPerRequest : null,
        cost: costOf(left, prompt),
      },
    ];
  });
}

interface Left {
  readonly requests: number;
  readonly tokens: number;
  readonly prices: Pick<Prices, 'prompt' | 'completion'> | undefined;
}

const requestsOf = (list: readonly { readonly requests: number }[]) =>
  list.reduce((sum, { requests }) => sum + requests, 0);

function pricesOf(model: ModelChoice | null): Left['prices'] {
  return model === null || isModel(model) || typeof model === 'string' ? undefined : model.prices;
}

/** Prompts are as long as those that were measured, or as an answer may be: pairs are shown with it. */
function costOf(left: readonly Left[], prompt: number | null): number | null {
  let cost: number | null = null;
  for (const { requests, tokens, prices } of left) {
    if (prices) {
      const prompts = prompt === null ? tokens : requests * prompt;
      cost = (cost ?? 0) + (prompts * prices.prompt + tokens * prices.completion) / 1e6;
    } else if (requests > 0) return null;
  }
  return cost;
}

function measuredRates(
  stages: readonly Stage[],
  config: Resolved,
  options: EstimateOptions,
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
    sum.requests += requestsOf(asksOf(stage, config, options)) * share;
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

/** Requests to one model, and how long an answer may be. */
interface Asks {
  readonly requests: number;
  readonly most: number;
  readonly model: ModelChoice | null;
}

/** What a stage asks in all. */
function asksOf(stage: Stage, config: Resolved, options: EstimateOptions): Asks[] {
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
      return Object.entries(stage.counts).map(([name, n]): Asks => {
        const kind = sources[name]?.kind ?? 'pairs';
        return {
          requests: options.pairs?.[stage.set]?.[name] ?? n * each[kind],
          most: pairs.maxTokens,
          model: (kind === 'math' ? models.solver : models.writer) ?? models.judge,
        };
      });
    }
    case 'thoughts': {
      const { plans, executions, maxPlanTokens, maxThoughtTokens } = thoughts;
      const how = { form: stage.form, plans, executions, ...guidanceOf(stage.by, config) };
      const pairsOf = setSize(stage.set);
      const all = pairsOf * requestsPerPair(how, PARTS);
      const planned = stage.form === 'planned' ? pairsOf * plans : 0;
      const model = stage.by === 'M0' ? models.judge : null;
      const planner = stage.round === 1 ? (models.planner ?? model) : model;
      return [
        { requests: planned, most: maxPlanTokens, model: planner },
        { requests: all - planned, most: maxThoughtTokens, model },
      ];
    }
    case 'train': {
      const candidates = config.optimiser.checkpoints + (stage.how.kind === 'dpo' ? 1 : 0);
      const requests = candidates * setSize('validation') * ORDERS.length;
      return [{ requests, most: thoughts.maxThoughtTokens, model: null }];
    }
    case 'judge': {
      const each =
        stage.form === 'guided'
          ? requestsPerPair(MEASURED, PARTS)
          : ORDERS.length + (stage.form === 'two-call' ? 1 : 0);
      const model = stage.judge === 'M0' || stage.form === 'guided' ? models.judge : null;
      return [{ requests: setSize(stage.set) * each, most: tokensOf(stage.form, config).maxTokens, model }];
    }
    case 'bench': {
      const { limit, orders } = config.benchmarks[stage.benchmark] ?? {};
      const { benchmark, pairs: all = [] } = options.benchmarks?.[stage.benchmark] ?? {};
      const plans = stage.form === 'two-call' ? 1 : 0;
      const requests = firstPrompts(all, limit).reduce((requests, pair) => {
        const played = orders === 'both' ? ORDERS : (benchmark?.orders(pair, config.seed) ?? []);
        return requests + played.length + plans;
      }, 0);
      const model = stage.judge === 'M0' ? models.judge : null;
      return [{ requests, most: tokensOf(stage.form, config).maxTokens, model }];
    }
  }
}

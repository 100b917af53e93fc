import type { SQLOutputValue } from 'node:sqlite';
import type { Generation } from '../model.ts';
import type { Evaluation, PreferenceRecord, StageRecord } from '../store.ts';
import type { TrainStep } from '../trainer.ts';
import type { Plan, ResponsePair, Thought } from '../types.ts';

/** A row of schema.ts as SQLite returns it. What a column holds was written by ledger.ts, so its type is asserted. */
export type Row = Record<string, SQLOutputValue>;

export function generation(r: Row): Generation {
  return {
    ...JSON.parse((r.details as string | null) ?? '{}'),
    key: r.key as string,
    text: r.text as string,
    finishReason: r.finish_reason as Generation['finishReason'],
    promptTokens: r.prompt_tokens as number,
    completionTokens: r.completion_tokens as number,
  };
}

export function pair(r: Row): ResponsePair {
  return {
    id: r.id as string,
    domain: r.domain as ResponsePair['domain'],
    family: r.family as string,
    instruction: r.instruction as string,
    chosen: r.chosen as string,
    rejected: r.rejected as string,
    provenance: JSON.parse(r.provenance as string),
  };
}

export function plan(r: Row): Plan {
  return {
    id: r.id as string,
    pairId: r.pair_id as string,
    round: r.round as number,
    planIndex: r.plan_index as number,
    text: r.text as string,
  };
}

export function thought(r: Row): Thought {
  return {
    id: r.id as string,
    pairId: r.pair_id as string,
    round: r.round as number,
    order: r.order as Thought['order'],
    planIndex: r.plan_index as number,
    executionIndex: r.execution_index as number,
    plan: r.plan as string,
    execution: r.execution as string,
    verdict: r.verdict as Thought['verdict'],
    correct: r.correct === 1,
  };
}

export function preference(r: Row): PreferenceRecord {
  return {
    pairId: r.pair_id as string,
    chosenId: r.chosen_id as string,
    rejectedId: r.rejected_id as string,
    pairing: r.pairing as string,
  };
}

export function step(r: Row): TrainStep {
  return {
    step: r.step as number,
    steps: r.steps as number,
    loss: (r.loss as number | null) ?? Number.NaN,
    learningRate: r.learning_rate as number,
    gradNorm: (r.grad_norm as number | null) ?? Number.NaN,
    tokens: r.tokens as number,
    seconds: r.seconds as number,
    ...(r.accuracy === null ? {} : { accuracy: r.accuracy as number }),
    ...(r.margin === null ? {} : { margin: r.margin as number }),
    ...(r.chosen_logp === null ? {} : { chosenLogp: r.chosen_logp as number }),
    ...(r.rejected_logp === null ? {} : { rejectedLogp: r.rejected_logp as number }),
  };
}

export function evaluation(r: Row): Evaluation {
  return {
    stage: r.stage as string,
    split: r.split as string,
    pairId: r.pair_id as string,
    order: r.order as Evaluation['order'],
    verdict: r.verdict as Evaluation['verdict'],
    correct: r.correct === 1,
    text: r.text as string,
    plan: r.plan as string | null,
    execution: r.execution as string | null,
  };
}

export function stage(r: Row): StageRecord {
  return {
    name: r.name as string,
    title: r.title as string,
    kind: r.kind as string,
    status: r.status as StageRecord['status'],
    done: r.done as number,
    total: r.total as number,
    failed: r.failed as number,
    seconds: r.seconds as number,
    tokens: r.tokens as number,
    promptTokens: r.prompt_tokens as number,
    cost: r.cost as number,
    ...(r.message === null ? {} : { message: r.message as string }),
    plan: JSON.parse(r.plan as string),
    result: JSON.parse(r.result as string),
  };
}

export function group(r: Row): readonly [string, number] {
  return [String(r.name), r.count as number];
}

export function pairOfNumbers(r: Row): readonly [number, number] {
  return [r.a as number, r.b as number];
}

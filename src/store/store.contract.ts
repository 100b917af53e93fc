import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json } from '../key.ts';
import type { FinishReason } from '../model.ts';
import type { Store, StoreOptions } from '../store.ts';
import { ORDERS, type Order, type ResponsePair, type Thought } from '../types.ts';

export const config: Json = { seed: 7, thoughts: { plans: 5, executions: 8 }, model: 'seed' };

export const generation = (key: string, finishReason: FinishReason = 'stop', text = `text ${key}`) => ({
  key,
  text,
  finishReason,
  promptTokens: 3,
  completionTokens: 5,
});
export const pair = (id: string, domain: ResponsePair['domain'] = 'general'): ResponsePair => ({
  id,
  domain,
  family: 'lists',
  instruction: `do ${id}`,
  chosen: 'good',
  rejected: 'bad',
  provenance: { modified: 'do more', candidates: 4 },
});
export const thought = (pairId: string, order: Order, executionIndex: number, correct = true): Thought => ({
  id: `${pairId}/${order}/${executionIndex}`,
  pairId,
  round: 1,
  order,
  planIndex: 0,
  executionIndex,
  plan: 'the plan',
  execution: 'its execution',
  verdict: 'A',
  correct,
});

/** What every ledger owes who works with it (see Store). */
export function storeContract(name: string, open: (path: string, options: StoreOptions) => Store): void {
  describe(`${name} keeps the contract of a store`, () => {
    let folder: string;
    let store: Store;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'evalplanner-store-'));
      store = open(join(folder, 'run.db'), { config });
    });
    afterEach(() => {
      store.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test('a generation is kept with its reason', () => {
      const rows = (['stop', 'length', 'refused', 'error'] as const).map((reason) =>
        generation(reason, reason),
      );
      store.putGenerations(rows);
      for (const row of rows) expect(store.generation(row.key)).toEqual(row);
      expect(store.generation('stop')).toEqual(rows[0]);
      expect(store.generation('never')).toBeUndefined();
    });

    test('missing are those never asked for and those that failed', () => {
      store.putGenerations([generation('a'), generation('b', 'length'), generation('c', 'error')]);
      expect([...store.missing(['d', 'a', 'b', 'c'])]).toEqual(['d', 'c']);
    });

    test('a generation is never overwritten unless it failed', () => {
      store.putGenerations([generation('a'), generation('b', 'error')]);
      store.putGenerations([generation('a', 'error', 'other'), generation('b', 'stop', 'second try')]);
      expect(store.generation('a')?.text).toBe('text a');
      expect(store.generation('b')?.text).toBe('second try');
    });

    test('one from before a time is missing, and replaced by what came after', () => {
      store.putGenerations([generation('a')]);
      const later = Date.now() + 1;
      expect([...store.missing(['a'], later)]).toEqual(['a']);
      store.putGenerations([generation('a', 'stop', 'again')], later);
      expect(store.generation('a')?.text).toBe('again');
    });

    test('what only some models tell is kept as they told it', () => {
      const rich = {
        ...generation('a'),
        cachedTokens: 2,
        cost: 0.25,
        reasoning: 'let me see',
        rawFinishReason: 'eos',
        logprobs: [{ token: ' A', logprob: -0.5, top: [{ token: ' A', logprob: -0.5 }] }],
      };
      store.putGenerations([rich]);
      expect(store.generation('a')).toEqual(rich);
    });

    test('any text survives: NUL, quotes, every plane of Unicode', () => {
      const text = `'"\\ \0 middle </script> \u2028 \u{1f600} مرحبا ${'x'.repeat(100_000)}`;
      store.putGenerations([generation('a', 'stop', text)]);
      expect(store.generation('a')?.text).toBe(text);
    });

    test('pairs come back in writing order, filtered', () => {
      store.putPairs('d1', [pair('z'), pair('a', 'math')]);
      store.putPairs('validation', [pair('m')]);
      expect([...store.pairs()].map(({ id }) => id)).toEqual(['z', 'a', 'm']);
      expect([...store.pairs({ split: 'd1' })]).toEqual([pair('z'), pair('a', 'math')]);
      expect(store.pair('m')).toEqual(pair('m'));
      expect(store.pair('?')).toBeUndefined();
    });

    test('a pair put again moves to its new split and keeps its place', () => {
      store.putPairs('d1', [pair('a'), pair('b')]);
      store.putPairs('d2', [{ ...pair('a'), chosen: 'better' }]);
      expect([...store.pairs()].map(({ id, chosen }) => [id, chosen])).toEqual([
        ['a', 'better'],
        ['b', 'good'],
      ]);
      expect(store.counts().pairs).toEqual({ d1: 1, d2: 1 });
    });

    test('plans and thoughts stream by pair, whatever order they were written in', () => {
      store.putPlans(
        [1, 0].map((planIndex) => ({ id: `p${planIndex}`, pairId: 'a', round: 1, planIndex, text: 't' })),
      );
      expect([...store.plans({ round: 1 })].map(({ id }) => id)).toEqual(['p0', 'p1']);
      store.putThoughts([thought('b', 'ab', 0), thought('a', 'ba', 0, false), thought('a', 'ab', 1)]);
      store.putThoughts([thought('a', 'ab', 0)]);
      expect([...store.thoughts({ round: 1 })].map(({ id }) => id)).toEqual([
        'a/ab/0',
        'a/ab/1',
        'a/ba/0',
        'b/ab/0',
      ]);
      expect([...store.thoughts({ round: 1, pairId: 'b' })]).toEqual([thought('b', 'ab', 0)]);
      expect([...store.thoughts({ round: 2 })]).toEqual([]);
      expect(store.thought(1, 'a', 'a/ba/0')).toEqual(thought('a', 'ba', 0, false));
    });

    test('a thought of a retrained model takes the place of the old one', () => {
      store.putThoughts([thought('a', 'ab', 0)]);
      store.putThoughts([{ ...thought('a', 'ab', 0), id: 'new', execution: 'again' }]);
      expect([...store.thoughts({ round: 1 })].map(({ id }) => id)).toEqual(['new']);
    });

    test('preference pairs are replaced round by round', () => {
      const row = (chosenId: string) => ({ pairId: 'a', chosenId, rejectedId: 'r', pairing: 'shared-plan' });
      store.putPreferences(1, [row('2'), row('1')]);
      store.putPreferences(2, [row('3')]);
      store.putPreferences(1, [row('9'), row('8')]);
      expect([...store.preferences(1)]).toEqual([row('9'), row('8')]);
      expect(store.counts().preferences).toEqual({ 1: 2, 2: 1 });
    });

    test('steps keep what they have, also a loss that is not a number', () => {
      const sft = { step: 1, steps: 9, loss: 2.5, learningRate: 1e-4, gradNorm: 1, tokens: 64, seconds: 0.5 };
      const dpo = { ...sft, accuracy: 0.5, margin: -0.25, chosenLogp: -12, rejectedLogp: -13 };
      store.putSteps('M1-SFT', [
        { ...sft, step: 2, loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY },
        sft,
      ]);
      store.putSteps('M1-DPO', [dpo]);
      const [first, second] = [...store.steps('M1-SFT')];
      expect(first).toEqual(sft);
      expect(second).toMatchObject({ loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY });
      expect([...store.steps('M1-DPO')]).toEqual([dpo]);
    });

    test('evaluations: one for each stage, split, pair and order', () => {
      const row = {
        stage: 'M0',
        split: 'test',
        pairId: 'a',
        order: 'ab',
        verdict: 'A',
        correct: true,
        text: 't',
        plan: 'p',
        execution: null,
      } as const;
      store.putEvaluations([{ ...row, order: 'ba', correct: false }, row, { ...row, stage: 'M1' }]);
      store.putEvaluations([{ ...row, verdict: 'tie', correct: false }]);
      expect(
        [...store.evaluations({ stage: 'M0', split: 'test' })].map(({ order, verdict }) => [order, verdict]),
      ).toEqual([
        ['ab', 'tie'],
        ['ba', 'A'],
      ]);
      expect([...store.evaluations({ stage: 'M0', split: 'other' })]).toEqual([]);
    });

    test('a stage adds up what it costs over interruptions and keeps its result', () => {
      expect(store.stage('pairs')).toBeUndefined();
      store.spend('pairs', { seconds: 1.5, tokens: 100, promptTokens: 7, cost: 0.5 });
      store.spend('pairs', { seconds: 2, tokens: 50, cost: 0.25 });
      expect(store.stage('pairs')).toMatchObject({
        name: 'pairs',
        status: 'running',
        seconds: 3.5,
        tokens: 150,
        promptTokens: 7,
        cost: 0.75,
        result: null,
      });
      store.finishStage('pairs', { kept: 12 });
      expect(store.stage('pairs')).toMatchObject({ status: 'done', result: { kept: 12 }, seconds: 3.5 });
    });

    test('planned stages are listed in their order, with what was known of them', () => {
      store.spend('b', { seconds: 1, tokens: 10 }, { done: 3, total: 9, failed: 1 });
      const plan = (name: string) => ({ name, title: `Stage ${name}`, kind: 'pairs', set: name });
      store.planStages(['a', 'b', 'c'].map(plan));
      store.failStage('c', 'the server is gone');
      store.finishStage('memory');
      const told = store.stages().map(({ name, status, done, total, failed }) => ({
        name,
        status,
        done,
        total,
        failed,
      }));
      expect(told).toEqual([
        { name: 'a', status: 'planned', done: 0, total: 0, failed: 0 },
        { name: 'b', status: 'running', done: 3, total: 9, failed: 1 },
        { name: 'c', status: 'failed', done: 0, total: 0, failed: 0 },
      ]);
      expect(store.stage('b')).toMatchObject({ title: 'Stage b', plan: plan('b') });
      expect(store.stage('c')?.message).toBe('the server is gone');
      store.spend('c', { seconds: 1, tokens: 0 });
      expect(store.stage('c')).toMatchObject({ status: 'running' });
      expect(store.stage('c')?.message).toBeUndefined();
      store.planStages([plan('b')]);
      expect(store.stages().map(({ name }) => name)).toEqual(['b']);
    });

    test('a stage that is planned otherwise is not done any more; its result stays until it has another', () => {
      const plan = (set: string) => ({ name: 'pairs', title: 'Pairs', kind: 'pairs', set });
      store.planStages([plan('a')]);
      store.finishStage('pairs', { kept: 1 });
      store.planStages([plan('a')]);
      expect(store.stage('pairs')?.status).toBe('done');
      store.planStages([plan('b')]);
      expect(store.stage('pairs')).toMatchObject({ status: 'planned', result: { kept: 1 } });
    });

    test('what was derived can be discarded, by set, round or training; generations stay', () => {
      store.putGenerations([generation('a')]);
      store.putPairs('d1', [pair('a')]);
      store.putPairs('d2', [pair('b')]);
      store.putThoughts([thought('a', 'ab', 0, true)]);
      store.putPlans([{ id: 'p', pairId: 'a', round: 1, planIndex: 0, text: 'x' }]);
      store.putSteps('M1-SFT', [
        { step: 1, steps: 9, loss: 2.5, learningRate: 1e-4, gradNorm: 1, tokens: 64, seconds: 0.5 },
      ]);
      store.discard({ split: 'd1' });
      store.discard({ round: 1 });
      store.discard({ judge: 'M1-SFT' });
      expect([...store.pairs()]).toEqual([pair('b')]);
      expect([...store.thoughts({ round: 1 }), ...store.plans({ round: 1 })]).toEqual([]);
      expect([...store.steps('M1-SFT')]).toEqual([]);
      expect(store.generation('a')).toBeDefined();
    });

    test('notes are kept by name', () => {
      expect(store.note('peak')).toBeUndefined();
      store.putNote('peak', { mb: 1 });
      store.putNote('peak', { mb: 2 });
      expect(store.note('peak')).toEqual({ mb: 2 });
    });

    test('thoughts come in pages, filtered', () => {
      const all = ['a', 'b'].flatMap((pairId) =>
        ORDERS.flatMap((order) => [0, 1, 2].map((i) => ({ ...thought(pairId, order, i, i > 0), pairId }))),
      );
      store.putThoughts(all);
      const ordered = [...store.thoughts({ round: 1 })];
      const pages: Thought[] = [];
      for (;;) {
        const after = pages.at(-1);
        const page = [...store.thoughts({ round: 1, limit: 5, ...(after ? { after } : {}) })];
        if (page.length === 0) break;
        pages.push(...page);
      }
      expect(pages).toEqual(ordered);
      expect([...store.thoughts({ round: 1, correct: false })]).toEqual(ordered.filter((t) => !t.correct));
      expect([...store.thoughts({ round: 1, pairId: 'b', verdict: 'tie' })]).toEqual([]);
    });

    test('counts', () => {
      store.putGenerations([generation('a'), generation('b', 'length')]);
      store.putThoughts([thought('a', 'ab', 0), thought('a', 'ab', 1, false)]);
      expect(store.counts()).toEqual({
        pairs: {},
        generations: { stop: 1, length: 1, refused: 0, error: 0 },
        promptTokens: 6,
        completionTokens: 10,
        plans: {},
        thoughts: { 1: { total: 2, correct: 1 } },
        preferences: {},
        steps: {},
        evaluations: {},
      });
    });

    test('a batch whose source fails leaves nothing behind', () => {
      function* rows() {
        yield generation('a');
        throw new Error('the source failed');
      }
      expect(() => store.putGenerations(rows())).toThrow('the source failed');
      expect(store.generation('a')).toBeUndefined();
      store.putGenerations([generation('b')]);
      expect(store.generation('b')).toBeDefined();
    });

    test('reading and writing interleave: a stream may feed a put, and writes do not disturb it', () => {
      store.putPairs(
        'd1',
        ['a', 'b', 'c'].map((id) => pair(id)),
      );
      const seen: string[] = [];
      for (const { id } of store.pairs()) {
        store.putThoughts([thought(id, 'ab', 0)]);
        seen.push(id, ...[...store.pairs()].map((other) => other.id));
      }
      expect(seen.join('')).toBe('aabcbabccabc');
      store.putPreferences(1, toPreferences(store));
      expect([...store.preferences(1)].map(({ chosenId }) => chosenId)).toEqual([
        'a/ab/0',
        'b/ab/0',
        'c/ab/0',
      ]);
    });

    function* toPreferences(from: Store) {
      for (const { id, pairId } of from.thoughts({ round: 1 })) {
        from.putSteps('x', []);
        yield { pairId, chosenId: id, rejectedId: 'r', pairing: 'p' };
      }
    }
  });
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Replica, type ReplicaOptions } from './replica.ts';

const options: ReplicaOptions = {
  maxNumSeqs: 4,
  maxBatchedTokens: 64,
  blockSize: 16,
  kvTokens: 10_000,
  step: { base: 0.01, token: 0.001, context: 0.0001 },
};

const call = (promptTokens: number, lengths: readonly number[], blocks: readonly number[] = []) => {
  const ended: number[] = [];
  return { blocks, promptTokens, lengths, ended, done: (cached: number) => void ended.push(cached) };
};

test('a call alone takes the steps that its prompt and its tokens need', () => {
  const replica = new Replica(options);
  const one = call(100, [5]);
  replica.submit(one);
  replica.advance(1000);
  // The prompt in two steps, of which the last brings the first token; then a token a step, each with one more to read.
  const prompt = 2 * 0.01 + 100 * 0.001 + 2 * 100 * 0.0001;
  const decode = [101, 102, 103, 104].reduce((sum, context) => sum + 0.01 + 0.001 + context * 0.0001, 0);
  // The first token is in the context of its own step here.
  expect(replica.stats.busy).toBeCloseTo(prompt + decode + 0.0001, 9);
  expect(one.ended).toEqual([0]);
  expect(replica.stats.sequenceSeconds).toBeCloseTo(replica.stats.busy, 9);
});

test('completions of a call share its prompt, and a later call finds it in the cache', () => {
  const replica = new Replica(options);
  const blocks = [1, 2, 3, 4, 5, 6];
  const [first, second, other] = [call(100, [3, 3], blocks), call(100, [3], blocks), call(100, [3], [9])];
  replica.submit(first);
  replica.advance(10);
  replica.submit(second);
  replica.submit(other);
  replica.advance(20);
  expect([first, second, other].map(({ ended }) => ended)).toEqual([[0], [96], [0]]);
  expect(replica.stats).toMatchObject({ promptTokens: 300, cachedTokens: 96, completions: 4 });
});

test('all that is asked for ends, whatever the room, and nothing is held then', () => {
  const calls = fc.array(
    fc.record({
      after: fc.double({ min: 0, max: 2, noNaN: true }),
      prompt: fc.integer({ min: 1, max: 200 }),
      lengths: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(calls, fc.integer({ min: 320, max: 2000 }), (asked, kvTokens) => {
      const replica = new Replica({ ...options, kvTokens });
      let now = 0;
      const sent = asked.map(({ after, prompt, lengths }) => {
        now += after;
        replica.advance(now);
        const one = call(prompt, lengths, [prompt]);
        replica.submit(one);
        return one;
      });
      replica.advance(now + 10_000);
      expect(sent.every(({ ended }) => ended.length === 1)).toBe(true);
      expect([replica.running, replica.waiting]).toEqual([0, 0]);
      expect(replica.kvUsage).toBe(0);
      const { completions, generatedTokens, sequenceSeconds, busy, full } = replica.stats;
      const lengths = asked.flatMap(({ lengths }) => lengths);
      expect(completions).toBe(lengths.length);
      expect(generatedTokens).toBe(lengths.reduce((a, b) => a + b, 0));
      expect(full).toBeLessThanOrEqual(busy);
      expect(sequenceSeconds).toBeLessThanOrEqual(options.maxNumSeqs * busy + 1e-6);
    }),
  );
});

test('what has no room is preempted, and goes on later', () => {
  const replica = new Replica({ ...options, kvTokens: 200 });
  const [first, second] = [call(20, [120]), call(20, [120])];
  replica.submit(first);
  replica.submit(second);
  replica.advance(1000);
  expect(replica.stats.preemptions).toBeGreaterThan(0);
  expect([first.ended, second.ended]).toEqual([[0], [0]]);
});

test('many steps at once are what they are one by one', () => {
  const run = (tick: number) => {
    const replica = new Replica(options);
    const calls = [call(90, [30, 50, 7]), call(10, [40]), call(300, [12, 90])];
    for (const one of calls) replica.submit(one);
    for (let now = tick; now < 30; now += tick) replica.advance(now);
    expect(calls.every(({ ended }) => ended.length === 1)).toBe(true);
    return replica.stats.busy;
  };
  expect(run(0.001)).toBeCloseTo(run(30 - 1e-9), 6);
});

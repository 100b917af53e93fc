import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceLogits } from '../llama/reference.contract.ts';
import { exactWeights, TINY, tinyParameters, tokens } from '../llama/tiny.contract.ts';
import type { ChosenToken, Sample, SampleRequest } from '../sampling/sample.ts';
import { type LiveRun, Pool } from './pool.ts';

const CAPACITY = 64;

const request = (index: number, more: Partial<SampleRequest> = {}): SampleRequest => ({
  index,
  prompt: tokens(1 + ((index * 7) % 20), index),
  maxTokens: 20,
  temperature: 1.5,
  topP: 0.95,
  seed: 1000 + (index % 100),
  stopIds: [],
  ...more,
});

let pool: Pool;
beforeAll(() => {
  pool = new Pool();
  pool.load(tinyParameters(), { slots: 4 });
});
afterAll(() => pool.close());

/** A live run that remembers what it was told. */
class Recorded {
  readonly run: LiveRun;
  readonly tokens: ChosenToken[] = [];
  readonly samples = new Map<number, Sample>();
  #changed = () => {};

  constructor() {
    this.run = pool.live(CAPACITY, {
      token: (token) => {
        this.tokens.push(token);
        this.#changed();
      },
      done: (sample) => {
        expect(this.samples.has(sample.index)).toBe(false);
        this.samples.set(sample.index, sample);
        this.#changed();
      },
      failed: (error) => expect.fail(error.message),
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

describe('a live run', () => {
  it('gives a request the same tokens alone and joining others, and those of a batch', async () => {
    const requests = Array.from({ length: 30 }, (_, i) => request(i));
    const batch = new Map<number, Sample>();
    for await (const sample of pool.sample(requests, CAPACITY)) batch.set(sample.index, sample);

    const live = new Recorded();
    live.run.add([requests[7]!]);
    await live.until(() => live.samples.size === 1);
    expect(live.samples.get(7)).toEqual(batch.get(7));
    // A crowd that has begun when the request comes again, under another index.
    live.run.add(requests.filter(({ index }) => index !== 7));
    await live.until(() => live.samples.size > 2);
    live.run.add([{ ...requests[7]!, index: 107 }]);
    await live.until(() => live.samples.size === 31);
    expect(live.samples.get(107)?.tokens).toEqual(batch.get(7)?.tokens);
    for (const { index } of requests) expect(live.samples.get(index)).toEqual(batch.get(index));
    expect(live.tokens).toEqual([]);
    live.run.end();
  });

  it('tells those who watch each token and the log-probabilities of the full forward pass', async () => {
    const live = new Recorded();
    const watched = request(1, { watch: { logprobs: 3 } });
    live.run.add([watched, request(2, { watch: { logprobs: null } }), request(3)]);
    await live.until(() => live.samples.size === 3);
    live.run.end();
    for (const index of [1, 2]) {
      const told = live.tokens.filter((token) => token.index === index);
      expect(told.map(({ token }) => token)).toEqual(live.samples.get(index)?.tokens);
      expect(told.every(({ logprobs }) => (logprobs === undefined) === (index === 2))).toBe(true);
    }
    expect(live.tokens.some(({ index }) => index === 3)).toBe(false);

    const weights = exactWeights(tinyParameters());
    const ids = [...watched.prompt];
    for (const { token, logprobs } of live.tokens.filter(({ index }) => index === 1)) {
      const row = referenceLogits(TINY, weights, ids).slice(-TINY.vocabSize);
      const normaliser = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
      const likeliest = [...row.keys()].sort((a, b) => row[b]! - row[a]!).slice(0, 3);
      expect(logprobs?.map((entry) => entry.token)).toEqual([token, ...likeliest]);
      for (const entry of logprobs!) {
        expect(Math.abs(entry.logprob - (row[entry.token]! - normaliser))).toBeLessThan(1e-4);
      }
      ids.push(token);
    }
  });

  it('frees the slots of what is dropped, running or waiting, and says nothing more of it', async () => {
    const live = new Recorded();
    // More than both workers' slots; 60 tokens each.
    const crowd = Array.from({ length: 40 }, (_, i) =>
      request(i, { prompt: [5], maxTokens: 60, watch: { logprobs: null } }),
    );
    for (const one of crowd) live.run.add([one]);
    await live.until(() => live.tokens.length > 0);
    const told = live.tokens.length;
    live.run.drop(crowd.map(({ index }) => index));
    live.run.add([request(100, { maxTokens: 5 })]);
    await live.until(() => live.samples.size > 0);
    expect([...live.samples.keys()]).toEqual([100]);
    expect(live.tokens).toHaveLength(told);
    live.run.end();
  });

  it('ends in the middle, and the pool samples again', async () => {
    const live = new Recorded();
    live.run.add([request(1, { maxTokens: 60, watch: { logprobs: null } })]);
    await live.until(() => live.tokens.length > 0);
    live.run.end();
    const found: Sample[] = [];
    for await (const sample of pool.sample([request(1)], CAPACITY)) found.push(sample);
    expect(found.map(({ index }) => index)).toEqual([1]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LlamaConfig } from '../llama/config.ts';
import { referenceLogits } from '../llama/reference.contract.ts';
import { exactWeights, SHAPES, TINY, tinyParameters, tokens } from '../llama/tiny.contract.ts';
import { addsInt8 } from '../quantization-check.ts';
import type { Sample, SampleRequest } from './sample.ts';
import { Sampler } from './sampler.ts';

/** On other processors int8 is refused. */
const exact = await addsInt8();

const request = (index: number, prompt: readonly number[], more: Partial<SampleRequest> = {}) => ({
  index,
  prompt,
  maxTokens: 12,
  temperature: 0,
  topP: 1,
  seed: index,
  stopIds: [],
  ...more,
});

/** Run requests; `pauses` are the calls of `take` that have nothing at that moment. */
async function sampleAll(
  sampler: Sampler,
  requests: readonly SampleRequest[],
  { capacity = 64, pauses = [] as readonly number[] } = {},
): Promise<Sample[]> {
  const queue = [...requests];
  const samples = new Map<number, Sample>();
  let calls = 0;
  const take = () => (pauses.includes(calls++) ? undefined : queue.shift());
  const done = (sample: Sample) => {
    expect(samples.has(sample.index)).toBe(false);
    samples.set(sample.index, sample);
  };
  // A run ends when nothing is running and nothing can be taken at the moment.
  do await sampler.run(take, capacity, done);
  while (queue.length > 0);
  return requests.map(({ index }) => samples.get(index)!);
}

/** What greedy decoding gives by the definition: the argmax of the whole forward pass at each step. */
function greedy(config: LlamaConfig, prompt: readonly number[], count: number): number[] {
  const weights = exactWeights(tinyParameters(config));
  const ids = [...prompt];
  for (let step = 0; step < count; step++) {
    const logits = referenceLogits(config, weights, ids).slice(-config.vocabSize);
    const sorted = logits.toSorted((a, b) => b - a);
    // Float32 could not tell closer ones apart.
    expect(sorted[0]! - sorted[1]!).toBeGreaterThan(1e-4);
    ids.push(logits.indexOf(sorted[0]!));
  }
  return ids.slice(prompt.length);
}

describe.each(SHAPES)('greedy, %s', (_, change) => {
  it('is the argmax of the full forward pass, step by step, whatever the prompt’s length', async () => {
    const config = { ...TINY, ...change };
    const sampler = new Sampler(tinyParameters(change), { slots: 8 });
    // 31 to 34 lie around the block that prompts are padded to. One is asked for once, another three times, so that
    // prompts are shared by different numbers of sequences.
    const prompts = [1, 5, 31, 32, 33, 34].map((length) => tokens(length, length + 100));
    const asked = prompts.flatMap((_, i) => new Array<number>((i % 3) + 1).fill(i));
    const samples = await sampleAll(
      sampler,
      asked.map((i, index) => request(index, prompts[i]!)),
    );
    const expected = prompts.map((prompt) => greedy(config, prompt, 12));
    for (const [index, i] of asked.entries()) {
      expect(samples[index], `prompt of ${prompts[i]!.length}`).toEqual({
        index,
        tokens: expected[i],
        finishReason: 'length',
      });
    }
    await sampler.close();
  });
});

describe('sampling', () => {
  let sampler: Sampler;
  beforeAll(() => {
    sampler = new Sampler(tinyParameters(), { slots: 4 });
  });
  afterAll(() => sampler.close());

  const warm = { temperature: 1.5, topP: 0.95 };
  const mixed = Array.from({ length: 21 }, (_, i) =>
    request(i, tokens(1 + ((i * 7) % 20), i % 9), { ...warm, maxTokens: 1 + ((i * 5) % 17), seed: 1000 + i }),
  );

  it('a text is the same alone, in company, and in any order of arrival', async () => {
    const together = await sampleAll(sampler, mixed);
    const byIndex = new Map(together.map((sample) => [sample.index, sample]));
    for (const pick of [mixed.toReversed(), mixed.filter((_, i) => i % 3 === 0)]) {
      for (const sample of await sampleAll(sampler, pick)) expect(sample).toEqual(byIndex.get(sample.index));
    }
    const late = await sampleAll(sampler, mixed, { pauses: [1, 3, 4, 8, 20, 21, 22] });
    expect(late).toEqual(together);
    for (const one of mixed.slice(0, 6)) {
      expect(await sampleAll(sampler, [one])).toEqual([byIndex.get(one.index)]);
    }
  });

  it('a text is the same beside one that is far longer, and after it', async () => {
    const long = new Sampler(tinyParameters({ maxPositionEmbeddings: 400 }), { slots: 8 });
    const short = Array.from({ length: 9 }, (_, i) =>
      request(i, tokens(1 + ((i * 13) % 40), i), { ...warm, maxTokens: 3 + 20 * (i % 3), seed: 50 + i }),
    );
    const alone = [];
    for (const one of short) alone.push(...(await sampleAll(long, [one], { capacity: 400 })));
    const longest = request(9, tokens(190, 3), { ...warm, maxTokens: 150 });
    const rest = short.map((one) => ({ ...one, index: one.index + 10 }));
    const together = await sampleAll(long, [...short, longest, ...rest], { capacity: 400 });
    expect(together.slice(0, 9)).toEqual(alone);
    expect(together.slice(10).map(({ tokens }) => tokens)).toEqual(alone.map(({ tokens }) => tokens));
    await long.close();
  });

  it.each([
    ['float32, a query a key', { numKeyValueHeads: 4 }, undefined],
    ['float32, grouped queries', {}, undefined],
    ['int8', {}, 'int8'],
  ] as const)('a text is the same whoever shares its prompt, %s', async (_, change, quantization) => {
    const own = new Sampler(tinyParameters(change), { slots: 16, quantization });
    // More of a prompt than read one copy of it, ending at different times.
    const shared = Array.from({ length: 39 }, (_, i) =>
      request(i, tokens(3 + 17 * (i % 3), i % 3), { ...warm, maxTokens: 2 + ((i * 7) % 19), seed: 200 + i }),
    );
    const byPrompt = shared.toSorted((a, b) => (a.index % 3) - (b.index % 3));
    const together = await sampleAll(own, byPrompt);
    const byIndex = new Map(together.map((sample) => [sample.index, sample]));
    for (const one of shared.slice(0, 12)) {
      expect(await sampleAll(own, [one])).toEqual([byIndex.get(one.index)]);
    }
    for (const sample of await sampleAll(own, shared)) expect(sample).toEqual(byIndex.get(sample.index));
    await own.close();
  });

  it.skipIf(!exact)('in 8-bit integers, probabilities stay near those of float32', async () => {
    const own = new Sampler(tinyParameters(), { slots: 4, quantization: 'int8' });
    const asked = Array.from({ length: 12 }, (_, i) =>
      request(i, tokens(5 + i, i), { maxTokens: 1, logprobs: TINY.vocabSize }),
    );
    const [found, expected] = [await sampleAll(own, asked), await sampleAll(sampler, asked)];
    for (const [i, sample] of found.entries()) {
      // The chosen token's first.
      const [, ...ours] = sample.logprobs![0]!;
      const theirs = new Map(expected[i]!.logprobs![0]!.map(({ token, logprob }) => [token, logprob]));
      const divergence = ours.reduce(
        (sum, { token, logprob }) => sum + Math.exp(logprob) * (logprob - theirs.get(token)!),
        0,
      );
      expect(divergence).toBeLessThan(1e-2);
      expect(divergence).not.toBe(0);
    }
    await own.close();
  });

  it('gives every request its maxTokens, also with more requests than slots', async () => {
    const samples = await sampleAll(sampler, mixed);
    expect(samples.map(({ tokens }) => tokens.length)).toEqual(mixed.map(({ maxTokens }) => maxTokens));
    expect(new Set(samples.map(({ finishReason }) => finishReason))).toEqual(new Set(['length']));
  });

  it('one prompt with different seeds gives different texts, with one seed the same one', async () => {
    const prompt = tokens(9, 5);
    const same = await sampleAll(
      sampler,
      [7, 7, 7, 1, 2, 3, 4, 5].map((seed, i) => request(i, prompt, { ...warm, seed })),
    );
    const texts = same.map(({ tokens }) => tokens.join());
    expect(new Set(texts.slice(0, 3)).size).toBe(1);
    expect(new Set(texts).size).toBe(6);
  });

  it('draws the first token by the probabilities of the full forward pass', async () => {
    const prompt = tokens(6, 8);
    const logits = referenceLogits(TINY, exactWeights(tinyParameters()), prompt).slice(-TINY.vocabSize);
    const weights = logits.map((logit) => Math.exp(logit / 1.5));
    const total = weights.reduce((a, b) => a + b, 0);
    const count = 2000;
    const samples = await sampleAll(
      sampler,
      Array.from({ length: count }, (_, i) =>
        request(i, prompt, { temperature: 1.5, maxTokens: 1, seed: i * 7919 }),
      ),
    );
    for (const [token, weight] of weights.entries()) {
      const p = weight / total;
      const share = samples.filter(({ tokens }) => tokens[0] === token).length / count;
      // Five standard errors; the seeds are fixed, so it either holds or does not.
      expect(Math.abs(share - p), `token ${token}`).toBeLessThan(5 * Math.sqrt(p / count) + 1e-3);
    }
  });

  it('ends with the first stop id, which is kept', async () => {
    const prompt = tokens(5, 105);
    const whole = greedy(TINY, prompt, 12);
    const stopIds = [whole[4]!, whole[7]!];
    const end = Math.min(...stopIds.map((id) => whole.indexOf(id))) + 1;
    const [sample] = await sampleAll(sampler, [request(0, prompt, { stopIds })]);
    expect(sample).toEqual({ index: 0, tokens: whole.slice(0, end), finishReason: 'stop' });
    const [first] = await sampleAll(sampler, [request(0, prompt, { stopIds: [whole[0]!] })]);
    expect(first).toEqual({ index: 0, tokens: whole.slice(0, 1), finishReason: 'stop' });
    // The last token allowed is a stop: it stopped.
    const [last] = await sampleAll(sampler, [request(0, prompt, { stopIds, maxTokens: end })]);
    expect(last?.finishReason).toBe('stop');
  });

  it('capacity bounds prompt plus completion, also where it is no multiple of the block', async () => {
    const prompt = tokens(10, 3);
    for (const capacity of [11, 20, 40]) {
      const samples = await sampleAll(
        sampler,
        [request(0, prompt, { maxTokens: 100 }), request(1, tokens(capacity, 4))],
        { capacity },
      );
      expect(samples[0]?.tokens).toEqual(greedy(TINY, prompt, capacity - 10));
      expect(samples[0]?.finishReason).toBe('length');
      expect(samples[1]).toEqual({ index: 1, tokens: [], finishReason: 'length' });
    }
  });

  it('never goes beyond the positions the model knows', async () => {
    const short = new Sampler(tinyParameters({ maxPositionEmbeddings: 20 }), { slots: 2 });
    const samples = await sampleAll(
      short,
      [request(0, tokens(8, 1), { maxTokens: 100 }), request(1, tokens(20, 2))],
      { capacity: 500 },
    );
    expect(samples.map(({ tokens }) => tokens.length)).toEqual([12, 0]);
    await short.close();
  });

  it('answers what follows more prompts that are too long than there are slots', async () => {
    const long = Array.from({ length: 9 }, (_, i) => request(i, tokens(40, i)));
    const requests = [...long, request(9, tokens(4, 1), { maxTokens: 3 })];
    const done: Sample[] = [];
    const queue = [...requests];
    await sampler.run(
      () => queue.shift(),
      32,
      (sample) => done.push(sample),
    );
    expect(done.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(requests.map((_, i) => i));
    expect(done.find(({ index }) => index === 9)?.tokens).toHaveLength(3);
  });

  it('nothing to do is done at once', async () => {
    expect(await sampleAll(sampler, [])).toEqual([]);
  });
});

describe('prompts that are cut', () => {
  const warm = { temperature: 1.5, topP: 0.95 };
  const shared = tokens(20, 1);
  /** Two examples, four cases, three answers begun of each. */
  const cut = Array.from({ length: 24 }, (_, i) => {
    const asked = [...shared.slice(0, 10 + 10 * (i % 2)), ...tokens(9, 2 + (i % 4))];
    const prompt = [...asked, ...tokens(1 + (i % 3), 20 + i)];
    return request(i, prompt, { ...warm, seed: i, cuts: [10 + 10 * (i % 2), asked.length] });
  });
  const texts = (samples: readonly Sample[]) => samples.map(({ index, tokens }) => ({ index, tokens }));

  it.each(SHAPES)('are continued greedily as the whole ones: %s', async (_, change) => {
    const own = new Sampler(tinyParameters(change), { slots: 8 });
    const lengths = [5, 31, 33, 34];
    const prompts = lengths.map((length) => tokens(length, length + 100));
    const asked = prompts.map((prompt, i) => request(i, prompt, { cuts: [2, prompt.length - 2] }));
    const samples = await sampleAll(own, asked);
    for (const [i, prompt] of prompts.entries())
      expect(samples[i]?.tokens).toEqual(greedy({ ...TINY, ...change }, prompt, 12));
    await own.close();
  });

  it('have the same texts alone, in company, among whole ones, and whatever is kept', async () => {
    const whole = cut.map(({ cuts: _, ...one }) => ({ ...one, index: one.index + 100 }));
    const roomy = new Sampler(tinyParameters(), { slots: 8 });
    const first = await sampleAll(roomy, cut);
    const second = await sampleAll(roomy, cut);
    expect(texts(second)).toEqual(texts(first));
    expect(second.map(({ cachedTokens }) => cachedTokens)).toEqual(cut.map(({ cuts }) => cuts?.at(-1)));
    const mixed = await sampleAll(roomy, [...whole, ...cut].toReversed(), { pauses: [1, 2, 7] });
    expect(texts(mixed.filter(({ index }) => index < 100).toReversed())).toEqual(texts(first));
    await roomy.close();
    // Room for one or two beginnings, then for none.
    for (const beginnings of [8000, 0]) {
      const narrow = new Sampler(tinyParameters(), { slots: 4, beginnings });
      expect(texts(await sampleAll(narrow, cut.toReversed())).toReversed()).toEqual(texts(first));
      for (const one of cut.slice(0, 6))
        expect(texts(await sampleAll(narrow, [one]))).toEqual(texts([first[one.index]!]));
      await narrow.close();
    }
  });

  it('leave whole ones their bits', async () => {
    const own = new Sampler(tinyParameters(), { slots: 8 });
    const whole = cut.map(({ cuts: _, ...one }) => ({ ...one, index: one.index + 100, logprobs: 3 }));
    const alone = await sampleAll(own, whole);
    const mixed = await sampleAll(own, [...cut, ...whole]);
    expect(mixed.slice(cut.length)).toEqual(alone);
    expect(alone.every(({ cachedTokens }) => cachedTokens === undefined)).toBe(true);
    await own.close();
  });

  it('nothing is kept of other weights', async () => {
    const parameters = tinyParameters();
    const own = new Sampler(parameters, { slots: 8 });
    await sampleAll(own, cut);
    parameters.flat.forEach((weight, i) => {
      parameters.flat[i] = weight * 0.9;
    });
    await own.close();
    const changed = await sampleAll(own, cut);
    const fresh = new Sampler(parameters, { slots: 8 });
    expect(changed).toEqual(await sampleAll(fresh, cut));
    await Promise.all([own.close(), fresh.close()]);
  });

  it('reach the last position that the model knows, and no further', async () => {
    const own = new Sampler(tinyParameters({ maxPositionEmbeddings: 40 }), { slots: 4 });
    const asked = [39, 40].map((length, i) => request(i, tokens(length, 3), { cuts: [17, 38] }));
    const samples = await sampleAll(own, asked, { capacity: 500 });
    expect(samples.map(({ tokens }) => tokens.length)).toEqual([1, 0]);
    expect(samples[0]?.tokens).toEqual(greedy({ ...TINY, maxPositionEmbeddings: 40 }, tokens(39, 3), 1));
    await own.close();
  });

  it('a run that is given up leaves nothing wrong behind', async () => {
    const own = new Sampler(tinyParameters(), { slots: 4 });
    const queue = [...cut];
    let steps = 0;
    await own.run(
      () => queue.shift(),
      64,
      () => {},
      () => steps++ > 3,
    );
    const fresh = new Sampler(tinyParameters(), { slots: 4 });
    expect(texts(await sampleAll(own, cut))).toEqual(texts(await sampleAll(fresh, cut)));
    await Promise.all([own.close(), fresh.close()]);
  });
});

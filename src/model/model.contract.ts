import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerateRequest, Generation, Model } from '../model.ts';

export interface ModelUnderTest {
  readonly model: Model;
  /** A short prompt of the kind the model reads, different for every number. */
  prompt(index: number): string;
  close(): Promise<void>;
}

/** What every implementation of the port promises. */
export function modelContract(name: string, make: () => Promise<ModelUnderTest>): void {
  describe(`${name} keeps the contract of a model`, () => {
    let made: ModelUnderTest;
    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.close());

    const request = (index: number, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
      key: `unit ${index}`,
      prompt: made.prompt(index),
      maxTokens: 12,
      temperature: 1,
      topP: 0.95,
      seed: 1000 + index,
      ...changes,
    });
    const collect = async (requests: Iterable<GenerateRequest>, signal?: AbortSignal) => {
      const found: Generation[] = [];
      for await (const generation of made.model.generate(requests, signal)) found.push(generation);
      return found;
    };
    const byKey = (found: readonly Generation[]) =>
      Object.fromEntries(found.map(({ key, text, finishReason }) => [key, { text, finishReason }]));

    test('has a revision', () => {
      expect(made.model.revision).toMatch(/^[0-9a-f]{8,}$/);
    });

    test('answers no requests with nothing', async () => {
      expect(await collect([])).toEqual([]);
    });

    test('yields exactly one generation for each request, under its key', async () => {
      const requests = Array.from({ length: 300 }, (_, i) => request(i));
      const found = await collect(requests);
      expect(found.map(({ key }) => key).sort()).toEqual(requests.map(({ key }) => key).sort());
      for (const { promptTokens, completionTokens, finishReason } of found) {
        expect(promptTokens).toBeGreaterThan(0);
        expect(completionTokens).toBeGreaterThanOrEqual(0);
        expect(['stop', 'length']).toContain(finishReason);
      }
    });

    test('pulls requests lazily', async () => {
      let pulled = 0;
      function* endless() {
        for (let i = 0; i < 20_000; i++) {
          pulled++;
          yield request(i % 50, { key: `unit ${i}`, maxTokens: 1 });
        }
      }
      const controller = new AbortController();
      for await (const _ of made.model.generate(endless(), controller.signal)) controller.abort();
      expect(pulled).toBeGreaterThan(0);
      expect(pulled).toBeLessThan(20_000);
    });

    test('stops when it is told to, and works again afterwards', async () => {
      const controller = new AbortController();
      controller.abort();
      expect(await collect([request(1), request(2)], controller.signal)).toEqual([]);
      expect(await collect([request(1), request(2)])).toHaveLength(2);
    });

    test('can be left early, and works again afterwards', async () => {
      const many = Array.from({ length: 300 }, (_, i) => request(i));
      for await (const _ of made.model.generate(many)) break;
      const found = await collect([request(7), request(8)]);
      expect(found.map(({ key }) => key).sort()).toEqual(['unit 7', 'unit 8']);
    });

    test('is deterministic when greedy, whatever the seed', async () => {
      const greedy = (seed: number) =>
        Array.from({ length: 8 }, (_, i) => request(i, { temperature: 0, seed }));
      expect(byKey(await collect(greedy(1)))).toEqual(byKey(await collect(greedy(2))));
    });

    test('writes the same text for a request alone and among others', async () => {
      const all = byKey(await collect(Array.from({ length: 150 }, (_, i) => request(i))));
      for (const index of [0, 77, 149]) {
        expect(byKey(await collect([request(index)]))).toEqual({
          [`unit ${index}`]: all[`unit ${index}`],
        });
      }
    });
  });
}

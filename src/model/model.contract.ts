import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type GenerateOptions,
  type GenerateRequest,
  type Generation,
  type Model,
  userPrompt,
} from '../model.ts';

export interface ModelUnderTest {
  readonly model: Model;
  /** A short prompt of the kind the model reads, different for every number. */
  prompt(index: number): string;
  /** Whether it takes other messages than a single one of the user (default: yes). */
  readonly conversations?: boolean;
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
      prompt: userPrompt(made.prompt(index)),
      maxTokens: 12,
      temperature: 1,
      topP: 0.95,
      seed: 1000 + index,
      ...changes,
    });
    const collect = async (requests: Iterable<GenerateRequest>, options?: GenerateOptions) => {
      const found: Generation[] = [];
      for await (const generation of made.model.generate(requests, options)) found.push(generation);
      return found;
    };
    const byKey = (found: readonly Generation[]) =>
      Object.fromEntries(found.map(({ key, text, finishReason }) => [key, { text, finishReason }]));
    const greedy = { temperature: 0, maxTokens: 12 };

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
      const { signal } = controller;
      for await (const _ of made.model.generate(endless(), { signal })) controller.abort();
      expect(pulled).toBeGreaterThan(0);
      expect(pulled).toBeLessThan(20_000);
    });

    test('stops when it is told to, and works again afterwards', async () => {
      const controller = new AbortController();
      controller.abort();
      expect(await collect([request(1), request(2)], { signal: controller.signal })).toEqual([]);
      expect(await collect([request(1), request(2)])).toHaveLength(2);
    });

    test('can be left early, and works again afterwards', async () => {
      const many = Array.from({ length: 300 }, (_, i) => request(i));
      for await (const _ of made.model.generate(many)) break;
      const found = await collect([request(7), request(8)]);
      expect(found.map(({ key }) => key).sort()).toEqual(['unit 7', 'unit 8']);
    });

    test('is deterministic when greedy, whatever the seed', async () => {
      const asked = (seed: number) =>
        Array.from({ length: 8 }, (_, i) => request(i, { temperature: 0, seed }));
      expect(byKey(await collect(asked(1)))).toEqual(byKey(await collect(asked(2))));
    });

    test('writes the same text for a request alone and among others', async () => {
      const all = byKey(await collect(Array.from({ length: 150 }, (_, i) => request(i))));
      for (const index of [0, 77, 149]) {
        expect(byKey(await collect([request(index)]))).toEqual({
          [`unit ${index}`]: all[`unit ${index}`],
        });
      }
    });

    test('reads every message of a prompt', async () => {
      if (made.conversations === false) {
        const messages = [
          { role: 'system', content: made.prompt(1) },
          { role: 'user', content: made.prompt(2) },
        ] as const;
        await expect(collect([request(1, { prompt: { messages } })])).rejects.toMatchObject({
          code: 'usage',
        });
        return;
      }
      const [first] = await collect([request(1, greedy)]);
      const messages = [
        { role: 'user', content: made.prompt(3) },
        { role: 'assistant', content: 'Fine.' },
        { role: 'user', content: made.prompt(1) },
      ] as const;
      const [found] = await collect([request(1, { ...greedy, prompt: { messages } })]);
      expect(found?.promptTokens).toBeGreaterThanOrEqual(first?.promptTokens ?? 0);
      expect(['stop', 'length']).toContain(found?.finishReason);
    });

    test('goes on from a prefill, which is no part of the text; or says that it cannot', async () => {
      const prefill = ' words birds';
      const asked = request(4, { ...greedy, prompt: userPrompt(made.prompt(4), prefill) });
      if (!made.model.prefills) {
        await expect(collect([asked])).rejects.toMatchObject({ code: 'usage' });
        return;
      }
      const [without] = await collect([request(4, greedy)]);
      const [found] = await collect([asked]);
      expect(found?.promptTokens).toBeGreaterThanOrEqual(without?.promptTokens ?? 0);
      expect(['stop', 'length']).toContain(found?.finishReason);
    });

    test('ends before the first stop, wherever it begins', async () => {
      const whole = byKey(await collect(Array.from({ length: 10 }, (_, i) => request(i, greedy))));
      const asked = Object.entries(whole).flatMap(([key, { text }]) =>
        [1, 2, 5].flatMap((length) => {
          const stop = [...text].slice(3, 3 + length).join('');
          return stop.trim() === '' || !stop.isWellFormed() ? [] : [{ key, text, stop }];
        }),
      );
      for (const { key, text, stop } of asked) {
        const [found] = await collect([request(Number(key.slice(5)), { ...greedy, stop: ['\u2603', stop] })]);
        expect(found).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finishReason: 'stop' });
      }
    });

    test('tells the text while it is written, never another one, and at last the whole', async () => {
      const told = new Map<string, string[]>();
      const onDelta = (key: string, text: string) => {
        told.set(key, [...(told.get(key) ?? []), text]);
      };
      const asked = Array.from({ length: 20 }, (_, i) => request(i, { stop: ['e'] }));
      const found = await collect(asked, { onDelta });
      expect(byKey(found)).toEqual(byKey(await collect(asked)));
      for (const { key, text } of found) {
        const texts = told.get(key) ?? [];
        expect(texts.at(-1)).toBe(text);
        for (const part of texts) expect(text.startsWith(part)).toBe(true);
      }
    });

    test('ends what it is at when it is told to', async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const many = Array.from({ length: 300 }, (_, i) => request(i, { maxTokens: 60 }));
      let count = 0;
      for await (const _ of made.model.generate(many, { signal })) {
        if (count++ === 3) controller.abort();
      }
      expect(count).toBeLessThanOrEqual(300);
      expect(await collect([request(1)])).toHaveLength(1);
    });
  });
}

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ScriptModel } from '../model/script.contract.ts';
import { scripted } from '../model/scripted.ts';
import {
  type GenerateRequest,
  type Generation,
  type Model,
  promptText,
  type Requests,
  userPrompt,
} from '../model.ts';
import { openStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import { record } from './record.ts';

const request = (key: string): GenerateRequest => {
  return { key, prompt: userPrompt(`say ${key}`), maxTokens: 9, temperature: 1, topP: 1, seed: 0 };
};
const requests = (count: number) => Array.from({ length: count }, (_, i) => request(`k${i}`));

let store: Store;
let work: { readonly store: Store; readonly signal?: AbortSignal };
beforeEach(() => {
  store = openStore(':memory:', { config: {} });
  work = { store };
});
afterEach(() => store.close());

/** To the end. */
async function recordAll(...of: Parameters<typeof record>): Promise<void> {
  for await (const _ of record(...of));
}

describe('record', () => {
  it('lets the event loop turn while a model answers at once', async () => {
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    const seen: boolean[] = [];
    for await (const _ of record(
      work,
      scripted(() => 'yes'),
      requests(200),
    ))
      seen.push(turned);
    expect(seen.at(-1)).toBe(true);
  });

  it('stores every generation, and asks a second time for nothing', async () => {
    const model = new ScriptModel(({ text }) => text.toUpperCase());
    await recordAll(work, model, requests(200));
    for (const { key, prompt } of requests(200))
      expect(store.generation(key)?.text).toBe(promptText(prompt).toUpperCase());
    expect(model.asked).toHaveLength(200);
    await recordAll(work, model, requests(200));
    expect(model.asked).toHaveLength(200);
    await recordAll(work, model, requests(203));
    expect(model.asked.slice(200).map(({ key }) => key)).toEqual(['k200', 'k201', 'k202']);
  });

  it('asks once for a key that comes twice', async () => {
    const model = new ScriptModel(() => 'x');
    await recordAll(work, model, [request('a'), request('a'), request('b')]);
    expect(model.asked.map(({ key }) => key)).toEqual(['a', 'b']);
  });

  it('tries a failed one again, and a cut one never', async () => {
    const row = { text: '', promptTokens: 1, completionTokens: 0 };
    store.putGenerations([
      { key: 'k0', finishReason: 'error', ...row },
      { key: 'k1', finishReason: 'length', ...row },
      { key: 'k2', finishReason: 'refused', ...row },
    ]);
    const model = new ScriptModel(() => 'again');
    await recordAll(work, model, requests(4));
    expect(model.asked.map(({ key }) => key)).toEqual(['k0', 'k3']);
  });

  it('keeps what came before a failure or an abort', async () => {
    const failing: Model = {
      revision: 'failing',
      prefills: true,
      async *generate(asked: Requests): AsyncGenerator<Generation> {
        let count = 0;
        for await (const { key } of asked) {
          if (count++ === 70) throw new Error('the server went away');
          yield { key, text: 'x', finishReason: 'stop', promptTokens: 1, completionTokens: 1 };
        }
      },
      close: async () => {},
    };
    await expect(recordAll(work, failing, requests(100))).rejects.toThrow('went away');
    expect([...store.missing(requests(100).map(({ key }) => key))]).toHaveLength(30);

    const aborted = { ...work, signal: AbortSignal.abort() };
    await expect(recordAll(aborted, new ScriptModel(() => 'y'), requests(100))).rejects.toThrow(/abort/i);
  });

  it('yields what it asked for once that is stored, and nothing that was there', async () => {
    await recordAll(work, new ScriptModel(() => 'old'), requests(10));
    const found: string[] = [];
    for await (const batch of record(work, new ScriptModel(() => 'new'), requests(30))) {
      for (const { key, text } of batch) {
        expect(store.generation(key)?.text).toBe(text);
        found.push(key);
      }
    }
    expect(found.toSorted()).toEqual(
      requests(30)
        .slice(10)
        .map(({ key }) => key)
        .toSorted(),
    );
  });

  it('asks again for what is there when it should be fresh', async () => {
    await recordAll(work, new ScriptModel(() => 'old'), requests(10));
    const model = new ScriptModel(() => 'new');
    await recordAll(work, model, requests(10), { fresh: true });
    expect(model.asked).toHaveLength(10);
    for (const { key } of requests(10)) expect(store.generation(key)?.text).toBe('new');
  });

  it('stores each generation when it comes, not when the next one does', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow: Model = {
      revision: 'slow',
      prefills: true,
      async *generate(asked: Requests): AsyncGenerator<Generation> {
        for await (const { key } of asked) {
          yield { key, text: 'x', finishReason: 'stop', promptTokens: 1, completionTokens: 1 };
          if (key === 'k0') await promise;
        }
      },
      close: async () => {},
    };
    const batches = record(work, slow, requests(2));
    expect((await batches.next()).value).toHaveLength(1);
    expect(store.generation('k0')).toBeDefined();
    resolve();
    expect((await batches.next()).value).toHaveLength(1);
  });

  it('pulls a source that never ends only as far as it is read, once for each key', async () => {
    async function* endless() {
      for (let i = 0; ; i++) yield request(`k${i >> 1}`);
    }
    const keys: string[] = [];
    const model = scripted(() => 'x');
    for await (const batch of record(work, model, endless())) {
      keys.push(...batch.map(({ key }) => key));
      if (keys.length > 100) break;
    }
    expect(new Set(keys).size).toBe(keys.length);
  });
});

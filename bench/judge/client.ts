/** One client in a process of its own, so that its memory is its own: node bench/judge/client.ts '{"kind": "ours", …}'.
 * Prints one line of JSON. One call goes ahead, so that what is loaded for the first is not timed, and each
 * client loads only itself. */
import type { GenerateRequest, Model } from '../../src/model.ts';
import { MAX_TOKENS, pairs, prompts } from './pairs.ts';

export interface ClientOptions {
  readonly kind: 'floor' | 'ours' | 'library' | 'ai-sdk';
  readonly url: string;
  readonly calls: number;
  readonly concurrency: number;
  /** Seconds; of ours. */
  readonly timeout?: number;
  /** Where the ledger lies; of ours. */
  readonly ledger?: string;
}

export interface ClientResult {
  readonly seconds: number;
  /** The most memory that the process ever held. */
  readonly rssMB: number;
  readonly answered: number;
  readonly failed: number;
  readonly twice: number;
}

async function floor({ url, calls, concurrency }: ClientOptions) {
  const call = async (content: string) => {
    const response = await fetch(`${url}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'x',
        messages: [{ role: 'user', content }],
        max_tokens: MAX_TOKENS,
        temperature: 0,
        top_p: 1,
        seed: 0,
      }),
    });
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    return choices[0]?.message.content;
  };
  return loop(call, calls, concurrency);
}

async function aiSdk({ url, calls, concurrency }: ClientOptions) {
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  const { generateText } = await import('ai');
  const model = createOpenAICompatible({ baseURL: url, name: 'x' }).chatModel('x');
  const call = async (prompt: string) => {
    const { text } = await generateText({
      model,
      prompt,
      maxOutputTokens: MAX_TOKENS,
      temperature: 0,
      topP: 1,
      seed: 0,
    });
    return text;
  };
  return loop(call, calls, concurrency);
}

/** As many workers as calls may be in flight, each with the next prompt. */
async function loop(
  call: (prompt: string) => Promise<string | undefined>,
  calls: number,
  concurrency: number,
) {
  await call('first').catch(() => {});
  const start = performance.now();
  let [answered, failed] = [0, 0];
  const source = prompts(calls);
  const work = async () => {
    for (const prompt of source) {
      try {
        if (await call(prompt)) answered++;
      } catch {
        failed++;
      }
    }
  };
  // Leaving a worker must not end the source of the others.
  source.return = () => ({ done: true, value: undefined });
  await Promise.all(Array.from({ length: concurrency }, work));
  return { seconds: (performance.now() - start) / 1000, answered, failed, twice: 0 };
}

/** As `evalplanner judge` does: the judge over a model, with a ledger. */
async function ours(options: ClientOptions) {
  const { openModel } = await import('../../src/open/model.ts');
  const { url, concurrency, timeout = 60 } = options;
  return judged(await openModel('x', { baseUrl: [url], revision: 'bench', concurrency, timeout }), options);
}

/** As a program does that imports the package: V8 is left as it is. */
async function library(options: ClientOptions) {
  const { openaiCompatible } = await import('../../src/index.ts');
  const { url: baseURL, concurrency, timeout = 60 } = options;
  const limits = { maxConcurrency: concurrency, timeout: timeout * 1000 };
  return judged(openaiCompatible({ baseURL, model: 'x', revision: 'bench', ...limits }), options);
}

async function judged(model: Model, { calls, ledger = ':memory:' }: ClientOptions) {
  const { judgeAll, openStore } = await import('../../src/index.ts');
  const request: GenerateRequest = {
    key: 'first',
    prompt: { messages: [{ role: 'user', content: 'first' }] },
    maxTokens: 1,
    temperature: 0,
    topP: 1,
    seed: 0,
  };
  for await (const _ of model.generate([request]));
  const start = performance.now();
  let [answered, failed] = [0, 0];
  const seen = new Uint8Array(calls);
  let twice = 0;
  {
    using store = openStore(ledger, { config: { bench: 'judge' } });
    // One call each, as the peers make.
    const options = {
      form: 'planned',
      store,
      orders: 'ab',
      maxTokens: MAX_TOKENS,
      inputOrder: false,
    } as const;
    for await (const { id, winner } of judgeAll(model, pairs(calls), options)) {
      if (winner === null) failed++;
      else answered++;
      twice += seen[Number(id)] as number;
      seen[Number(id)] = 1;
    }
  }
  const seconds = (performance.now() - start) / 1000;
  await model.close();
  return { seconds, answered, failed, twice };
}

const options = JSON.parse(process.argv[2] ?? '{}') as ClientOptions;
const measured = await { floor, ours, library, 'ai-sdk': aiSdk }[options.kind](options);
const result: ClientResult = { ...measured, rssMB: process.resourceUsage().maxRSS / 1024 };
process.stdout.write(`${JSON.stringify(result)}\n`);

/** What HTTP costs: the same samples of the seed model from `evalplanner serve` and from the engine directly, 64 clients at
 * a time with 8 samples each, interleaved rounds: `node bench/serve.ts [--json]`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Pool } from '../src/engine/parallel/pool.ts';
import { openCheckpoint } from '../src/model/local/checkpoint.ts';
import { playgroundRows } from './engine/rows.ts';

const ROUNDS = 5;
const CLIENTS = 64;
const SAMPLES = 8;
const SAMPLING = { maxTokens: 96, temperature: 0.8, topP: 0.95 };

const root = join(import.meta.dirname, '..');
const seed = join(root, 'seed', 'model');
const { parameters, tokenizer } = await openCheckpoint(seed);
const { eosTokenIds } = parameters.config;
const counts = { batches: 1, batchSize: 1, prompts: CLIENTS };
const { prompts } = playgroundRows(tokenizer, eosTokenIds[0] as number, counts);

const server = spawn(process.execPath, [
  join(root, 'src/cli/main.ts'),
  'serve',
  seed,
  '--port',
  '0',
  '--json',
]);
const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
const { url } = JSON.parse(line) as { readonly url: string };
const pool = new Pool();
pool.load(parameters);

/** Tokens of one round. */
type Way = (round: number) => Promise<number>;

const direct: Way = async (round) => {
  const requests = prompts.flatMap((prompt, p) =>
    Array.from({ length: SAMPLES }, (_, i) => ({
      index: p * SAMPLES + i,
      prompt,
      ...SAMPLING,
      seed: seedOf(round, p) + i,
      stopIds: eosTokenIds,
    })),
  );
  let tokens = 0;
  for await (const sample of pool.sample(requests, 256)) tokens += sample.tokens.length;
  return tokens;
};

const http =
  (stream: boolean): Way =>
  async (round) => {
    const each = prompts.map(async (prompt, p) => {
      const { maxTokens, temperature, topP } = SAMPLING;
      const options = { max_tokens: maxTokens, temperature, top_p: topP, n: SAMPLES, seed: seedOf(round, p) };
      const response = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ prompt, ...options, stream, stream_options: { include_usage: true } }),
      });
      if (!response.ok) throw new Error(await response.text());
      const text = await response.text();
      const last = stream ? (text.trimEnd().split('\n\n').at(-2) as string).slice('data: '.length) : text;
      return (JSON.parse(last) as { usage: { completion_tokens: number } }).usage.completion_tokens;
    });
    return (await Promise.all(each)).reduce((a, b) => a + b, 0);
  };

const seedOf = (round: number, p: number) => (round * CLIENTS + p) * SAMPLES;
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

const ways = { direct, http: http(false), 'http, streamed': http(true) };
const rates: Record<string, number[]> = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round <= ROUNDS; round++) {
  const tokens = new Set<number>();
  for (const [name, way] of Object.entries(ways)) {
    const begun = performance.now();
    const count = await way(round);
    tokens.add(count);
    // The first round warms up.
    if (round > 0) rates[name]?.push((1000 * count) / (performance.now() - begun));
  }
  if (tokens.size > 1)
    throw new Error(`the same seeds gave different texts: ${[...tokens].join(', ')} tokens`);
}
const results = Object.entries(rates).map(([name, values]) => ({
  name,
  tokensPerSecond: median(values),
  ofDirect: median(values.map((value, i) => value / ((rates.direct as number[])[i] as number))),
}));
if (process.argv.includes('--json')) console.log(JSON.stringify(results, null, 2));
else {
  for (const { name, tokensPerSecond, ofDirect } of results) {
    console.log(`${name.padEnd(16)} ${tokensPerSecond.toFixed(0).padStart(7)} tok/s  ${ofDirect.toFixed(2)}`);
  }
}
server.kill('SIGINT');
await pool.close();

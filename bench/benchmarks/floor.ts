/** The raw fetch floor of a benchmark, in a process of its own: every prompt that the judge would send, as many in flight as the
 * server may have, and nothing else. node bench/benchmarks/floor.ts '{"url": …}' prints one line of JSON. */

import { loadPairs } from '../../src/benchmarks/data.ts';
import { judgebench } from '../../src/benchmarks/judgebench.ts';
import { rewardbench } from '../../src/benchmarks/rewardbench.ts';
import { judgePrompt } from '../../src/prompts/judge-prompt.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { ORDERS } from '../../src/types.ts';

export interface FloorOptions {
  readonly url: string;
  readonly data: string;
  readonly benchmark: 'rewardbench' | 'judgebench';
  readonly concurrency: number;
}

export interface FloorResult {
  readonly seconds: number;
  readonly answered: number;
}

const { url, data, benchmark, concurrency } = JSON.parse(process.argv[2] ?? '{}') as FloorOptions;
const pairs = await loadPairs(benchmark === 'judgebench' ? judgebench : rewardbench, data);
const bodies = pairs.flatMap(({ id, instruction, first, second }) => {
  const pair = { domain: 'general', family: '', chosen: first, rejected: second, provenance: {} } as const;
  return ORDERS.map((order) => {
    const content = judgePrompt(PUBLISHED_PROMPTS, 'planned', { ...pair, id, instruction }, order);
    const messages = [{ role: 'user', content }];
    return { model: 'x', messages, max_tokens: 2048, temperature: 0, top_p: 1, seed: 0 };
  });
});

async function call(body: object): Promise<boolean> {
  const response = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  return choices[0]?.message.content !== undefined;
}

await call({ model: 'x', messages: [{ role: 'user', content: 'first' }] });
const start = performance.now();
let [next, answered] = [0, 0];
const work = async () => {
  for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) if (await call(body)) answered++;
};
await Promise.all(Array.from({ length: concurrency }, work));
const result: FloorResult = { seconds: (performance.now() - start) / 1000, answered };
process.stdout.write(`${JSON.stringify(result)}\n`);

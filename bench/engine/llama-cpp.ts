import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { serveJobs } from './jobs.ts';
import type { Rows } from './rows.ts';
import type { SamplingSettings } from './settings.ts';
import type { Timing } from './side.ts';

/** llama.cpp as a side of `npm run bench:engine -- --real`, by node-llama-cpp: same protocol as ours.ts. A sequence keeps its prompt's cache
 * for all samples of it, and all sequences take each step together. */

const [library] = process.argv.slice(2) as [string];
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(library).href);
const threads = Number(process.env.OMP_NUM_THREADS ?? 2);

interface Sequence {
  clearHistory(): Promise<void>;
  adaptStateToTokens(tokens: readonly number[]): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>;
  dispose(): void;
}

let prompts: Rows['prompts'] = [];
let model: { createContext(options: object): Promise<{ getSequence(): Sequence; dispose(): Promise<void> }> };

const jobs = {
  async open({ rows, gguf }: { rows: string; gguf: string }): Promise<null> {
    ({ prompts } = JSON.parse(readFileSync(rows, 'utf8')) as Rows);
    const llama = await getLlama({
      gpu: false,
      build: 'never',
      logLevel: LlamaLogLevel.error,
      maxThreads: threads,
    });
    model = await llama.loadModel({ modelPath: gguf });
    return null;
  },
  async sample(job: SamplingSettings & { readonly prompts: number; readonly atLeast: number }) {
    const { samples, maxTokens, temperature, topP, atLeast } = job;
    const asked = prompts.slice(0, job.prompts);
    const contextSize = Math.max(...asked.map(({ length }) => length)) + maxTokens + 8;
    const context = await model.createContext({
      contextSize,
      sequences: asked.length,
      batchSize: 2048,
      threads,
    });
    const sequences = asked.map(() => context.getSequence());
    let [tokens, seconds, passes] = [0, 0, 0];
    while (passes === 0 || seconds < atLeast) {
      for (const sequence of sequences) await sequence.clearHistory();
      const start = performance.now();
      const counts = await Promise.all(
        sequences.map(async (sequence, p) => {
          const prompt = asked[p] as readonly number[];
          let count = 0;
          for (let i = 0; i < samples; i++) {
            // Without the last token, which the next sample begins with.
            const begun = prompt.slice(0, -1);
            const rest = i === 0 ? prompt : prompt.slice(-1);
            if (i > 0) await sequence.adaptStateToTokens(begun);
            let own = 0;
            const how = { temperature, topP, topK: 0, seed: p * samples + i, yieldEogToken: true };
            for await (const _ of sequence.evaluate(rest, how)) if (++own === maxTokens) break;
            count += own;
          }
          return count;
        }),
      );
      seconds += (performance.now() - start) / 1000;
      tokens += counts.reduce((sum, count) => sum + count, 0);
      passes++;
    }
    await context.dispose();
    return { tokens: tokens / passes, seconds: seconds / passes, choice: 'Q4_1' } satisfies Timing & {
      choice: string;
    };
  },
  async versions(): Promise<Record<string, string>> {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', pathToFileURL(library)), 'utf8'));
    return { 'node-llama-cpp': version };
  },
};

await serveJobs(jobs);
process.exit(0);

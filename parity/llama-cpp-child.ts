/** llama.cpp in a process of its own: answers, as JSON on its output, what it makes of the jobs of its argument. A native library that
 * fails takes no test with it. */
import { pathToFileURL } from 'node:url';

export interface LlamaCppJob {
  readonly model: string;
  /** Token ids, or texts with special tokens in them. */
  readonly prompts: readonly (string | readonly number[])[];
  /** With 0 the prompts are only tokenised. */
  readonly count: number;
}

export interface LlamaCppAnswer {
  readonly prompts: readonly (readonly number[])[];
  /** The likeliest continuation of each prompt, to the end of the text. */
  readonly greedy: readonly (readonly number[])[];
}

const [library, jobs] = process.argv.slice(2) as [string, string];
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(library).href);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 1 });
const answers: LlamaCppAnswer[] = [];
for (const { model: modelPath, prompts, count } of JSON.parse(jobs) as LlamaCppJob[]) {
  const model = await llama.loadModel({ modelPath, vocabOnly: count === 0 });
  const ids = prompts.map((prompt) => (typeof prompt === 'string' ? model.tokenize(prompt, true) : prompt));
  if (count === 0) {
    answers.push({ prompts: ids, greedy: [] });
    continue;
  }
  const context = await model.createContext({
    contextSize: 512,
    threads: 1,
    flashAttention: false,
    // Halves by default.
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  });
  const sequence = context.getSequence();
  const greedy: number[][] = [];
  for (const prompt of ids) {
    const tokens: number[] = [];
    await sequence.clearHistory();
    for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
      if (model.isEogToken(token) || tokens.push(token) === count) break;
    }
    greedy.push(tokens);
  }
  answers.push({ prompts: ids, greedy });
  await model.dispose();
}
process.stdout.write(`\n${JSON.stringify(answers)}\n`, () => process.exit(0));

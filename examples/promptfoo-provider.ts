/** A judge as a custom provider of promptfoo, which calls `id` and `callApi`; in your project import from 'evalplanner'.
 *
 *     # promptfooconfig.yaml
 *     prompts: ['{{instruction}}']
 *     providers: [{ id: file://promptfoo-provider.ts, config: { model: runs/demo-quick-0/checkpoints/M2-DPO } }]
 *     tests:
 *       - vars: { instruction: Count down from 5 to 0., a: 5 4 3 2 1 0, b: 5 4 3 2 1 }
 *         assert: [{ type: javascript, value: output.winner === 'A' }]
 */
import { judge, judgeOptions, type Model, openEmbedded } from '../src/index.ts';

interface Config {
  readonly model?: string;
}

export default class JudgeProvider {
  readonly #config: Config;
  readonly #id: string;
  #model: Promise<Model> | undefined;

  constructor(options: { readonly id?: string; readonly config?: Config } = {}) {
    this.#config = options.config ?? {};
    this.#id = options.id ?? 'evalplanner';
  }

  id(): string {
    return this.#id;
  }

  /** The rendered prompt is the instruction; the responses are the variables `a` and `b` of the test. */
  async callApi(prompt: string, context?: { readonly vars?: Readonly<Record<string, unknown>> }) {
    const { a, b } = context?.vars ?? {};
    if (typeof a !== 'string' || typeof b !== 'string') return { error: 'the test has no variables a and b' };
    try {
      const folder = this.#config.model ?? `${import.meta.dirname}/../seed/model`;
      this.#model ??= openEmbedded(folder);
      const options = await judgeOptions(folder);
      const judgment = await judge(await this.#model, { instruction: prompt, responses: [a, b] }, options);
      const { winner, consistent, preference, orders, usage } = judgment;
      const { promptTokens, completionTokens, cost } = usage;
      return {
        output: { winner, consistent, preference },
        tokenUsage: {
          prompt: promptTokens,
          completion: completionTokens,
          total: promptTokens + completionTokens,
          numRequests: usage.asked,
        },
        ...(cost === undefined ? {} : { cost }),
        metadata: { reasons: orders.map(({ votes }) => votes[0]?.execution ?? null) },
      };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }

  /** promptfoo calls it when it gives a call up; the next call opens the model again. */
  async cleanup(): Promise<void> {
    const model = this.#model;
    this.#model = undefined;
    await (await model)?.close();
  }
}

import type { GenerateRequest, Generation } from '../model.ts';
import { splitReasoning } from '../text/reasoning.ts';

/** A generation that a task wants, and of which model. */
export interface Ask {
  readonly of: 'judge' | 'planner';
  readonly request: GenerateRequest;
}

export interface Answer {
  /** As `answered` gives it: the ledger has the whole. */
  readonly generation: Generation;
  /** It was in the ledger. */
  readonly cached: boolean;
}

/** A generation whose text is the answer alone: what the model thought before it is `reasoning`, whether its server told it apart or
 * not, and an answer that never began was cut. */
export function answered(generation: Generation): Generation {
  const { finishReason } = generation;
  if (finishReason !== 'stop' && finishReason !== 'length') return generation;
  const { reasoning, answer: text, open } = splitReasoning(generation.text);
  if (reasoning === '' && text === generation.text) return generation;
  const thoughts = [generation.reasoning ?? '', reasoning].filter((thought) => thought !== '').join('\n\n');
  return {
    ...generation,
    text,
    ...(thoughts === '' ? {} : { reasoning: thoughts }),
    ...(open ? { finishReason: 'length' as const } : {}),
  };
}

/** A pure piece of judging: asks for generations, several at once, and ends with a result. Whoever runs it answers each ask
 * under its key. */
export type Task<T> = Generator<readonly Ask[], T, ReadonlyMap<string, Answer>>;

export interface Usage {
  /** Generations that were asked of a model, and that the ledger had. */
  readonly asked: number;
  readonly cached: number;
  /** Of those that were asked. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** In the currency of the models' prices; absent where they are unknown. */
  readonly cost?: number;
}

/** Asks of the first model, in their order. */
export const asks = (requests: readonly GenerateRequest[], of: Ask['of'] = 'judge'): Ask[] =>
  requests.map((request) => ({ of, request }));

/** What a task's answers have cost. */
export function usage(answers: Iterable<Answer>): Usage {
  let [asked, cached, promptTokens, completionTokens] = [0, 0, 0, 0];
  let cost: number | undefined;
  for (const { generation, cached: had } of answers) {
    if (had) {
      cached++;
      continue;
    }
    asked++;
    promptTokens += generation.promptTokens;
    completionTokens += generation.completionTokens;
    if (generation.cost !== undefined) cost = (cost ?? 0) + generation.cost;
  }
  return { asked, cached, promptTokens, completionTokens, ...(cost === undefined ? {} : { cost }) };
}

export function sumUsage(usages: Iterable<Usage>): Usage {
  let [asked, cached, promptTokens, completionTokens] = [0, 0, 0, 0];
  let cost: number | undefined;
  for (const one of usages) {
    asked += one.asked;
    cached += one.cached;
    promptTokens += one.promptTokens;
    completionTokens += one.completionTokens;
    if (one.cost !== undefined) cost = (cost ?? 0) + one.cost;
  }
  return { asked, cached, promptTokens, completionTokens, ...(cost === undefined ? {} : { cost }) };
}

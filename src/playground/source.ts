import { finalAnswer } from '../answer/final.ts';
import { random, seedOf } from '../random.ts';
import type { Instruction, Source } from '../source.ts';
import type { PairKind, ResponsePair } from '../types.ts';
import { parse } from './families.ts';
import { instructions } from './instructions.ts';
import type { Split } from './split.ts';

export interface PlaygroundOptions {
  readonly kind: PairKind;
  readonly seed: number;
  /** Finished pairs of the splits that judges are measured on, and what names them. */
  readonly heldOut: { readonly revision: string; pairs(split: 'dev' | 'test'): readonly ResponsePair[] };
}

/** The playground as a source: instructions without end for training and validation, finished pairs for dev and test. */
export function playground({ kind, seed, heldOut }: PlaygroundOptions): Source {
  return {
    kind,
    revision: `playground-1 ${kind} ${seed} ${heldOut.revision}`,
    instructions(split, signal) {
      if (split === 'train')
        return each(playgroundInstructions('train', kind, seedOf(seed, 'train')), signal);
      if (split === 'validation') return each(playgroundInstructions('validation', kind, seed), signal);
      if (split !== 'dev' && split !== 'test') return null;
      return each(
        heldOut
          .pairs(split)
          .filter(({ domain }) => domain === kind)
          .map(({ instruction: text, family, chosen: response, rejected }) => ({
            text,
            family,
            response,
            rejected,
          })),
        signal,
      );
    },
  };
}

async function* each<T>(items: Iterable<T>, signal?: AbortSignal): AsyncGenerator<T, void, undefined> {
  for (const item of items) {
    signal?.throwIfAborted();
    yield item;
  }
}

/** Distinct instructions of a split with what the method may know about them: the text, and for math the gold final answer. */
export function* playgroundInstructions(
  split: Split,
  kind: PairKind,
  seed: number,
): Generator<Instruction, void, undefined> {
  for (const text of instructions(split, kind, seed)) {
    const problem = parse(text);
    if (!problem) throw new Error(`the playground cannot read its own instruction: ${text}`);
    const { family } = problem;
    if (kind === 'general') yield { text, family };
    else {
      const answer = finalAnswer(problem.answer(random(seedOf(text))));
      if (answer === null) throw new Error(`the playground has no final answer to: ${text}`);
      yield { text, family, answer };
    }
  }
}

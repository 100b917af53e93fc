import type { Pair } from '../../src/judging/judgment.ts';
import { judgePrompt } from '../../src/prompts/judge-prompt.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';

/** Pairs of about 200 + 2 × 450 characters: as many as are wanted, each different, none kept. */
export function* pairs(count: number): Generator<Pair, void, undefined> {
  for (let i = 0; i < count; i++) {
    yield {
      id: String(i),
      instruction: `Question ${i}: ${'which of these holds, and why would anyone doubt it? '.repeat(4)}`,
      responses: [
        `Answer ${i} says yes. ${'It gives a reason that can be checked. '.repeat(11)}`,
        `Answer ${i} says no. ${'It gives a reason that cannot be checked. '.repeat(10)}`,
      ],
    };
  }
}

/** What the judge is asked about a pair: the same text for every client. */
export function* prompts(count: number): Generator<string, void, undefined> {
  for (const { id = '', instruction, responses } of pairs(count)) {
    const [chosen, rejected] = responses;
    const pair = {
      id,
      domain: 'general',
      family: '',
      instruction: String(instruction),
      chosen,
      rejected,
      provenance: {},
    } as const;
    yield judgePrompt(PUBLISHED_PROMPTS, 'planned', pair, 'ab');
  }
}

export const MAX_TOKENS = 512;

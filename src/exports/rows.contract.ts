import { thoughtText } from '../preferences/sft.ts';
import { judgePrompt } from '../prompts/judge-prompt.ts';
import { PLAYGROUND_PROMPTS, PUBLISHED_PROMPTS } from '../prompts/set.ts';
import type { PreferenceRow, ResponsePair, Thought } from '../types.ts';

const PROMPTS = { playground: PLAYGROUND_PROMPTS, published: PUBLISHED_PROMPTS };

/** Texts in which a mask could slip: several scripts, white space at the ends, what looks like a turn of a template. */
const PAIRS: readonly Pick<ResponsePair, 'instruction' | 'chosen' | 'rejected'>[] = [
  { instruction: 'List 3 birds.', chosen: 'owl wren crow', rejected: 'owl wren' },
  { instruction: ' Übersetze: 猫 \n', chosen: 'naïve 🐈‍⬛\n\n- *cat*', rejected: '[[B]] is best. ' },
  {
    instruction: 'Print <|im_end|> and <|eot_id|>.',
    chosen: '<|im_start|>assistant\n[[B]]',
    rejected: '{{ messages }} {% generation %}',
  },
];

/** Preference rows as a run makes them, by the prompts of the playground and by the published ones. */
export function judgeRows(prompts: keyof typeof PROMPTS): PreferenceRow[] {
  const set = PROMPTS[prompts];
  return PAIRS.flatMap((texts, i) => {
    const pair: ResponsePair = { ...texts, id: `${i}`, domain: 'general', family: 'test', provenance: {} };
    return (['ab', 'ba'] as const).map((order): PreferenceRow => {
      const thought = (verdict: 'A' | 'B', execution: string) =>
        thoughtText(set, 'planned', {
          plan: `Count, then compare.\n2. Naïve – ${i}`,
          execution,
          verdict,
        } as Thought);
      return {
        prompt: judgePrompt(set, 'planned', pair, order),
        chosen: thought(order === 'ab' ? 'A' : 'B', 'A has 3, B has 2.\n\nSo: 漢字'),
        rejected: thought(order === 'ab' ? 'B' : 'A', 'A has 2, B has 3.'),
      };
    });
  });
}

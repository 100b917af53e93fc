import type { Generation } from '../model.ts';
import { escapeTags } from '../prompts/template.ts';

/** A part of a guided answer: our opening and what the model went on with, in one line, up to where it began something else: one of our
 * tags, or a label of another part. One that was cut ends with its last whole sentence, or else its last whole word. Null where
 * nothing came, or no word. */
export function partOf(
  opening: string,
  generation: Generation | undefined,
  tags: readonly string[],
  labels: readonly string[] = [],
): string | null {
  if (generation?.finishReason !== 'stop' && generation?.finishReason !== 'length') return null;
  const line = generation.text.replace(/\s+/g, ' ');
  // A fence that stays open would hide the verdict behind it.
  const ends = ['```', ...tags, ...labels].map((word) => line.indexOf(word)).filter((at) => at >= 0);
  const said = line.slice(0, Math.min(line.length, ...ends));
  const whole = generation.finishReason === 'length' && said === line ? trimmed(said) : said;
  return /[\p{L}\p{N}]/u.test(whole) ? escapeTags(`${opening}${whole.trimEnd()}`, tags) : null;
}

/** Without a sentence that was not finished; a part of half a sentence ends with a word. */
function trimmed(text: string): string {
  const [sentences] = /^.*(?:[.!?…]["'”’»)\]]*(?=\s|$)|[。！？][」』]*)/s.exec(text) ?? [];
  if (sentences !== undefined) return sentences;
  const word = text.search(/\s\S*$/);
  return word > 0 ? text.slice(0, word) : text;
}

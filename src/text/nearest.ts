import { normalised } from './duplicates.ts';

/** Words in more texts than this tell little and cost much: they do not bring texts together. */
const COMMON = 2000;

/** For each text the index of the one that is most like it, by the cosine of TF-IDF vectors of its words (scikit-learn's: tf · (ln((1 +
 * n) / (1 + df)) + 1), length 1); the first of several. Of texts that share no word, and of a single one, −1. */
export function nearest(texts: readonly string[]): number[] {
  const counts = texts.map((text) => {
    const found = new Map<string, number>();
    for (const word of normalised(text).split(' ')) if (word) found.set(word, (found.get(word) ?? 0) + 1);
    return found;
  });
  const holders = new Map<string, number[]>();
  for (const [text, words] of counts.entries())
    for (const word of words.keys()) {
      const list = holders.get(word);
      if (list) list.push(text);
      else holders.set(word, [text]);
    }
  const frequency = (word: string) => holders.get(word)?.length ?? 0;
  const weight = (text: number, word: string) =>
    (counts[text]?.get(word) ?? 0) * (Math.log((1 + texts.length) / (1 + frequency(word))) + 1);
  const lengths = counts.map((words, text) =>
    Math.hypot(...[...words.keys()].map((word) => weight(text, word))),
  );
  return counts.map((words, own) => {
    const scores = new Map<number, number>();
    for (const word of words.keys()) {
      if (frequency(word) > COMMON) continue;
      const mine = weight(own, word);
      for (const text of holders.get(word) ?? [])
        if (text !== own) scores.set(text, (scores.get(text) ?? 0) + mine * weight(text, word));
    }
    let [best, highest] = [-1, 0];
    for (const [text, score] of [...scores].sort(([a], [b]) => a - b)) {
      const cosine = score / (lengths[text] as number);
      // Sums in another order differ in their last digits.
      if (cosine > highest + 1e-12) [best, highest] = [text, cosine];
    }
    return best;
  });
}

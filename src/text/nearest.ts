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
  const holders = new Map<string, { readonly text: number; weight: number }[]>();
  for (const [text, words] of counts.entries())
    for (const [word, count] of words) {
      const list = holders.get(word) ?? [];
      list.push({ text, weight: count });
      holders.set(word, list);
    }
  const lengths = new Float64Array(texts.length);
  for (const list of holders.values()) {
    const idf = Math.log((1 + texts.length) / (1 + list.length)) + 1;
    for (const entry of list) {
      entry.weight *= idf;
      lengths[entry.text] = (lengths[entry.text] as number) + entry.weight ** 2;
    }
  }
  return counts.map((words, own) => {
    const scores = new Map<number, number>();
    for (const word of words.keys()) {
      const list = holders.get(word) ?? [];
      const mine = list.find(({ text }) => text === own)?.weight ?? 0;
      if (list.length > COMMON) continue;
      for (const { text, weight } of list)
        if (text !== own) scores.set(text, (scores.get(text) ?? 0) + mine * weight);
    }
    let best = -1;
    let highest = 0;
    for (const [text, score] of [...scores].sort(([a], [b]) => a - b)) {
      const cosine = score / Math.sqrt(lengths[text] as number);
      if (cosine > highest + 1e-12) [best, highest] = [text, cosine];
    }
    return best;
  });
}

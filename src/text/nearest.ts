import { normalised } from './duplicates.ts';

/** Words in more texts than this tell little and cost much: they do not bring texts together. */
const COMMON = 2000;

/** For each text the index of the one that is most like it, by the cosine of TF-IDF vectors of its words (scikit-learn's: tf · (ln((1 +
 * n) / (1 + df)) + 1), length 1); the first of several. Of texts that share no word, and of a single one, −1. Memory: some 40 bytes
 * a different word of each text. */
export function nearest(texts: readonly string[]): number[] {
  const { starts, words, counts, vocabulary } = wordsOf(texts);
  const frequency = new Int32Array(vocabulary);
  for (const word of words) frequency[word] = (frequency[word] as number) + 1;
  const rarity = Float64Array.from(frequency, (df) => Math.log((1 + texts.length) / (1 + df)) + 1);
  const weights = new Float64Array(words.length);
  for (const [i, word] of words.entries()) weights[i] = (counts[i] as number) * (rarity[word] as number);
  const holders = holdersOf(starts, words, weights, frequency);
  const lengths = Float64Array.from(texts, (_, text) => {
    let squares = 0;
    for (let i = starts[text] as number; i < (starts[text + 1] as number); i++)
      squares += (weights[i] as number) ** 2;
    return Math.sqrt(squares);
  });
  // Of the text at hand with each other one; those that share no word stay 0.
  const scores = new Float64Array(texts.length);
  return Array.from(texts, (_, own) => {
    const met: number[] = [];
    for (let i = starts[own] as number; i < (starts[own + 1] as number); i++) {
      const word = words[i] as number;
      if ((frequency[word] as number) > COMMON) continue;
      for (let j = holders.starts[word] as number; j < (holders.starts[word + 1] as number); j++) {
        const text = holders.texts[j] as number;
        if (text === own) continue;
        if (scores[text] === 0) met.push(text);
        scores[text] = (scores[text] as number) + (weights[i] as number) * (holders.weights[j] as number);
      }
    }
    let [best, highest] = [-1, 0];
    for (const text of met) {
      const cosine = (scores[text] as number) / (lengths[text] as number);
      scores[text] = 0;
      // Sums in another order differ in their last digits.
      if (cosine > highest + 1e-12 || (text < best && cosine > highest - 1e-12))
        [best, highest] = [text, Math.max(cosine, highest)];
    }
    return best;
  });
}

/** The different words of each text, by number, one text after the other: those of a text begin at its start. Lists of numbers: a
 * Map for each text would take twenty times the memory. */
function wordsOf(texts: readonly string[]) {
  const known = new Map<string, number>();
  const [starts, words, counts]: [number[], number[], number[]] = [[0], [], []];
  for (const text of texts) {
    const found = new Map<number, number>();
    for (const word of normalised(text).split(' ')) {
      if (word === '') continue;
      const number = known.get(word) ?? known.size;
      known.set(word, number);
      found.set(number, (found.get(number) ?? 0) + 1);
    }
    for (const [word, count] of found) {
      words.push(word);
      counts.push(count);
    }
    starts.push(words.length);
  }
  return { starts, words, counts, vocabulary: known.size };
}

/** The texts that hold each word, by number, and its weight in them: one word after the other. */
function holdersOf(
  from: readonly number[],
  words: readonly number[],
  weightOf: Float64Array,
  frequency: Int32Array,
) {
  const starts = new Int32Array(frequency.length + 1);
  for (const [word, df] of frequency.entries()) starts[word + 1] = (starts[word] as number) + df;
  const next = starts.slice();
  const texts = new Int32Array(words.length);
  const weights = new Float64Array(words.length);
  for (let text = 0; text + 1 < from.length; text++)
    for (let i = from[text] as number; i < (from[text + 1] as number); i++) {
      const word = words[i] as number;
      const at = next[word] as number;
      next[word] = at + 1;
      texts[at] = text;
      weights[at] = weightOf[i] as number;
    }
  return { starts, texts, weights };
}

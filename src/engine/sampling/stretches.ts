/** A part of a prompt that is computed at once. */
export interface Stretch {
  /** All tokens before it and its own, and where they are cut: what its arithmetic is a function of. */
  readonly key: string;
  /** Tokens before it. */
  readonly from: number;
  readonly ids: readonly number[];
}

/** Longer stretches are cut, which bounds the memory of their scores. */
const LONGEST = 512;

/** A prompt, cut where its beginnings end: those of the counts of tokens that lie inside it. */
export function stretchesOf(prompt: readonly number[], cuts: readonly number[]): Stretch[] {
  const inside = cuts.filter((cut) => cut > 0 && cut < prompt.length);
  const ends = [...new Set([...inside, prompt.length])].sort((a, b) => a - b);
  const stretches: Stretch[] = [];
  let [from, key] = [0, ''];
  for (const end of ends) {
    while (from < end) {
      const ids = prompt.slice(from, Math.min(end, from + LONGEST));
      key += `${ids.join()}|`;
      stretches.push({ key, from, ids });
      from += ids.length;
    }
  }
  return stretches;
}

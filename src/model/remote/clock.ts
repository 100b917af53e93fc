/** Time and chance, so that a test can have its own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Call back after that many milliseconds, unless it is cancelled by the function that is returned. */
  timer(milliseconds: number, callback: () => void): () => void;
  /** Uniform in [0, 1). */
  random(): number;
}

/** setTimeout's delay is a 32-bit integer; a longer one would fire at once. */
const LONGEST = 2 ** 31 - 1;

export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  timer(milliseconds, callback) {
    const timer = setTimeout(callback, Math.min(milliseconds, LONGEST));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** Milliseconds before repetition `attempt`, from 1: doubling from `first` up to 30 s, the upper half of it by chance, so that
 * clients that failed together do not return together. */
export function backoff(attempt: number, first: number, random: number): number {
  const full = Math.min(30_000, first * 2 ** Math.min(attempt - 1, 30));
  return full * (0.5 + random / 2);
}

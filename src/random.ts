import { createHash } from 'node:crypto';

/** A stream of uniform numbers in [0, 1). */
export type Random = () => number;

/** 32-bit seed of a unit, derived from its key: the same key gives the same stream in every run. */
export function seedOf(...key: readonly (string | number)[]): number {
  return createHash('sha256').update(key.join('\u001f')).digest().readUInt32LE(0);
}

/** mulberry32: a small, fast generator with a 32-bit state. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Uniform integer in [low, high], both included. */
export function integer(next: Random, low: number, high: number): number {
  return low + Math.floor(next() * (high - low + 1));
}

/** One element, uniformly. The list must not be empty. */
export function pick<T>(next: Random, list: readonly T[]): T {
  return list[Math.floor(next() * list.length)] as T;
}

/** A shuffled copy (Fisher–Yates). */
export function shuffle<T>(next: Random, list: readonly T[]): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

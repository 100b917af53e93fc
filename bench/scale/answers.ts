import { random, seedOf } from '../../src/random.ts';
import { answerOf, chosenFirst, type Kind, kindOf, RIGHT } from '../round/world.ts';

/** A completion, its text as it stands in JSON. */
export interface Canned {
  readonly json: string;
  readonly tokens: number;
  readonly finishReason: 'stop' | 'length';
}

export interface Asked {
  /** The last user's message, and the beginning of the answer. */
  readonly prompt: string;
  readonly prefill: string;
  /** Of both, by which texts are drawn beside the seed. */
  readonly hash: number;
  readonly seed: number;
  readonly n: number;
  readonly maxTokens: number;
  readonly stop: readonly string[];
}

/** Made-up texts have so many characters a token. */
export const CHARACTERS_A_TOKEN = 4;
/** Texts of each kind and letter; their lengths are log-normal, as those of thoughts are. */
const POOL = 256;
const SIGMA = 0.35;

/** Answers in the published formats from texts that are made once: a simulator writes nothing. The same prompt and seed have the same
 * text. `tokens`: of an execution on average, before it is cut; a plan has a quarter. */
export class Answers {
  readonly #pools = new Map<string, readonly string[]>();
  readonly #tokens: number;

  constructor(tokens: number) {
    this.#tokens = tokens;
    for (const kind of ['plan', 'execution', 'thought', 'response', 'modification'] as const)
      for (const letter of ['A', 'B'] as const) this.#pools.set(kind + letter, this.#pool(kind, letter));
  }

  of({ prompt, prefill, hash, seed, n, maxTokens, stop }: Asked): Canned[] {
    const asked = kindOf(prompt);
    // A judge that goes on from a whole plan writes its execution.
    const kind = asked === 'thought' && prefill.trimEnd().endsWith('Plan]') ? 'execution' : asked;
    const first = kind === 'execution' || kind === 'thought' ? chosenFirst(prompt) : true;
    return Array.from({ length: n }, (_, i) => {
      const draw = random(mix(hash, seed + i));
      const right = draw() < RIGHT;
      const pool = this.#pools.get(kind + (right === first ? 'A' : 'B')) as readonly string[];
      return cut(pool[Math.floor(draw() * POOL)] as string, maxTokens, stop);
    });
  }

  #pool(kind: Kind, letter: 'A' | 'B'): string[] {
    return Array.from({ length: POOL }, (_, i) => {
      const next = random(seedOf('canned', kind, letter, i));
      // Box and Muller; the mean of a log-normal is exp(μ + σ²/2).
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      const length = this.#tokens * Math.exp(SIGMA * normal - SIGMA ** 2 / 2);
      const bytes = Math.max(256, Math.round(CHARACTERS_A_TOKEN * length));
      return inJson(answerOf(kind, `canned ${i}`, bytes, letter));
    });
  }
}

const inJson = (text: string) => JSON.stringify(text).slice(1, -1);

function cut(whole: string, maxTokens: number, stop: readonly string[]): Canned {
  const ends = stop.map((one) => whole.indexOf(inJson(one))).filter((at) => at >= 0);
  const text = ends.length === 0 ? whole : whole.slice(0, Math.min(...ends));
  const tokens = Math.max(1, Math.ceil(text.length / CHARACTERS_A_TOKEN));
  if (tokens <= maxTokens) return { json: text, tokens, finishReason: 'stop' };
  // Not within an escape.
  const json = text.slice(0, maxTokens * CHARACTERS_A_TOKEN).replace(/\\$/, '');
  return { json, tokens: maxTokens, finishReason: 'length' };
}

/** Two numbers as one seed. */
function mix(a: number, b: number): number {
  const x = Math.imul(a ^ (b * 0x9e3779b1), 0x85ebca6b);
  return (x ^ (x >>> 15)) >>> 0;
}

import { PAGE, type WasmMemory, wasmExports } from '../wasm.ts';
import { WASM } from './draw.wasm.ts';
import type { Random } from './random.ts';

/** What draw.wat exports. */
interface Kernels {
  readonly memory: WasmMemory;
  largest(at: number, count: number): number;
  weigh(at: number, count: number, top: number, sharpness: number): number;
  cut(at: number, count: number, limit: number, place: number): number;
}

/** Floats of a block, whose sum is kept: a token is found by the sums of blocks, then within one. */
const BLOCK = 128;
const LANES = 4;
const FLOAT = Float32Array.BYTES_PER_ELEMENT;

const { memory, largest, weigh, cut } = wasmExports<Kernels>(WASM);
/** The row at hand: used and forgotten at each call. */
let row = new Float32Array(memory.buffer);
let sums = new Float64Array(0);

/** Room for so many floats. */
function reserve(count: number): void {
  const lacking = count * FLOAT - memory.buffer.byteLength;
  if (lacking > 0) {
    memory.grow(Math.ceil(lacking / PAGE));
    row = new Float32Array(memory.buffer);
  }
  if (sums.length * BLOCK < count) sums = new Float64Array(Math.ceil(count / BLOCK));
}

/** The next token from one row of logits: greedy at temperature 0, else (above 0) drawn from the smallest set of tokens whose
 * probability reaches topP (0 to 1; the nucleus, arXiv 1904.09751), equals by token. Tokens below e^−20 of the likeliest one's
 * probability are never drawn.
 *
 * Nothing is sorted: a token is drawn from all, and it is in the nucleus if those that are likelier do not reach topP; otherwise
 * none but those can be in it, and one of them is drawn (rejection sampling: half of what is left goes each time, on the average). */
export function chooseToken(logits: Float32Array, temperature: number, topP: number, next: Random): number {
  const count = Math.ceil(logits.length / LANES) * LANES;
  reserve(count);
  row.set(logits);
  row.fill(Number.NEGATIVE_INFINITY, logits.length, count);
  const top = largest(0, count);
  const greedy = () => Math.max(0, logits.indexOf(top));
  if (temperature === 0) return greedy();

  const sharpness = 1 / temperature;
  let left = 0;
  for (let at = 0; at < count; at += BLOCK) {
    const sum = weigh(at * FLOAT, Math.min(BLOCK, count - at), top, sharpness);
    sums[at / BLOCK] = sum;
    left += sum;
  }
  // The temperature is next to nothing, or no logit is a number.
  if (left === 0) return greedy();
  const wanted = topP * left;
  for (;;) {
    const token = find(next() * left, count);
    if (topP >= 1) return token;
    const limit = row[token] as number;
    left = 0;
    for (let at = 0; at < count; at += BLOCK) {
      const sum = cut(at * FLOAT, Math.min(BLOCK, count - at), limit, token - at);
      sums[at / BLOCK] = sum;
      left += sum;
    }
    if (left < wanted || left === 0) return token;
  }
}

/** The token at a point of the weights' sum. Rounding may leave the point at the very end: the last that weighs anything. */
function find(point: number, count: number): number {
  let rest = point;
  let within = point;
  let start = 0;
  for (let at = 0; at < count; at += BLOCK) {
    const sum = sums[at / BLOCK] as number;
    if (sum === 0) continue;
    [start, within] = [at, rest];
    rest -= sum;
    if (rest < 0) break;
  }
  let found = start;
  for (let i = start; i < Math.min(start + BLOCK, count) && within >= 0; i++) {
    const weight = row[i] as number;
    if (weight === 0) continue;
    found = i;
    within -= weight;
  }
  return found;
}

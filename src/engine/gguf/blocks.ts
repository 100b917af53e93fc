import { halfTable, WIDEN } from '../widen.ts';

/** How numbers lie in a GGUF file: `elements` of them in a block of `bytes`. */
export interface BlockKind {
  readonly name: string;
  readonly elements: number;
  readonly bytes: number;
  /** Widen blocks to float32; `to` has their elements. */
  readonly widen: (blocks: ArrayBuffer, to: Float32Array) => void;
}

/** Widen the block at `at`, to `first` and on. */
type Widen = (from: Uint8Array, at: number, to: Float32Array, first: number) => void;

const { fround } = Math;
const half = (from: Uint8Array, at: number): number =>
  halfTable()[(from[at] as number) | ((from[at + 1] as number) << 8)] as number;
const byte = (from: Uint8Array, at: number): number => from[at] as number;
const signed = (from: Uint8Array, at: number): number => (byte(from, at) << 24) >> 24;

const little32 = (from: Uint8Array, at: number): number =>
  byte(from, at) | (byte(from, at + 1) << 8) | (byte(from, at + 2) << 16) | (byte(from, at + 3) << 24);

const q8_0: Widen = (from, at, to, first) => {
  const d = half(from, at);
  for (let i = 0; i < 32; i++) to[first + i] = d * signed(from, at + 2 + i);
};

/** Blocks of 32 with 4 or 5 bits an element: the low halves of 16 bytes, then the high ones, and a fifth bit each in a word. Without
 * a minimum they are centred. */
function small(fifth: boolean, minimum: boolean): Widen {
  const words = minimum ? 4 : 2;
  const nibbles = words + (fifth ? 4 : 0);
  const centre = minimum ? 0 : fifth ? 16 : 8;
  return (from, at, to, first) => {
    const d = half(from, at);
    const m = minimum ? half(from, at + 2) : 0;
    const high = fifth ? little32(from, at + words) : 0;
    for (let i = 0; i < 32; i++) {
      const two = byte(from, at + nibbles + (i & 15));
      const q = ((i < 16 ? two : two >> 4) & 15) | (((high >>> i) & 1) << 4);
      to[first + i] = minimum ? fround(d * q) + m : d * (q - centre);
    }
  };
}

const q2K: Widen = (from, at, to, first) => {
  const [d, dmin] = [half(from, at + 80), half(from, at + 82)];
  for (let i = 0; i < 256; i++) {
    const scale = byte(from, at + (i >> 4));
    const q = (byte(from, at + 16 + (i >> 7) * 32 + (i & 31)) >> (((i >> 5) & 3) * 2)) & 3;
    to[first + i] = fround(fround(d * (scale & 15)) * q) - fround(dmin * (scale >> 4));
  }
};

const q3K: Widen = (from, at, to, first) => {
  const d = half(from, at + 108);
  for (let group = 0; group < 16; group++) {
    const low = (byte(from, at + 96 + (group & 7)) >> (group < 8 ? 0 : 4)) & 15;
    const high = (byte(from, at + 104 + (group & 3)) >> ((group >> 2) * 2)) & 3;
    const scale = fround(d * ((low | (high << 4)) - 32));
    for (let i = group * 16; i < group * 16 + 16; i++) {
      const q = (byte(from, at + 32 + (i >> 7) * 32 + (i & 31)) >> (((i >> 5) & 3) * 2)) & 3;
      const kept = (byte(from, at + (i & 31)) >> (i >> 5)) & 1;
      to[first + i] = scale * (q - (kept ? 0 : 4));
    }
  }
};

/** The 6-bit scale and minimum of a group of 32, of the 8 that 12 bytes hold. */
function scaleAndMinimum(from: Uint8Array, at: number, group: number): [scale: number, minimum: number] {
  const [scale, minimum] = [byte(from, at + (group & 3)), byte(from, at + 4 + (group & 3))];
  if (group < 4) return [scale & 63, minimum & 63];
  const low = byte(from, at + 8 + (group & 3));
  return [(low & 15) | ((scale >> 2) & 48), (low >> 4) | ((minimum >> 2) & 48)];
}

function q45K(fifth: boolean): Widen {
  const nibbles = fifth ? 48 : 16;
  return (from, at, to, first) => {
    const [d, dmin] = [half(from, at), half(from, at + 2)];
    for (let group = 0; group < 8; group++) {
      const [scale, minimum] = scaleAndMinimum(from, at + 4, group);
      const [step, offset] = [fround(d * scale), fround(dmin * minimum)];
      for (let i = 0; i < 32; i++) {
        const low = (byte(from, at + nibbles + (group >> 1) * 32 + i) >> ((group & 1) * 4)) & 15;
        const high = fifth ? (byte(from, at + 16 + i) >> group) & 1 : 0;
        to[first + group * 32 + i] = fround(step * (low | (high << 4))) - offset;
      }
    }
  };
}

const q6K: Widen = (from, at, to, first) => {
  const d = half(from, at + 208);
  for (let i = 0; i < 256; i++) {
    const [side, within] = [i >> 7, i & 127];
    const low = (byte(from, at + side * 64 + (within & 63)) >> (within < 64 ? 0 : 4)) & 15;
    const high = (byte(from, at + 128 + side * 32 + (within & 31)) >> ((within >> 5) * 2)) & 3;
    to[first + i] = fround(d * signed(from, at + 192 + (i >> 4))) * ((low | (high << 4)) - 32);
  }
};

/** The 16 steps of IQ4: closer to each other near zero. */
const IQ4 = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

function iq4(from: Uint8Array, at: number, scale: number, to: Float32Array, first: number): void {
  for (let i = 0; i < 16; i++) {
    const two = byte(from, at + i);
    to[first + i] = scale * (IQ4[two & 15] as number);
    to[first + 16 + i] = scale * (IQ4[two >> 4] as number);
  }
}

const iq4Nl: Widen = (from, at, to, first) => iq4(from, at + 2, half(from, at), to, first);

const iq4Xs: Widen = (from, at, to, first) => {
  const d = half(from, at);
  const upper = byte(from, at + 2) | (byte(from, at + 3) << 8);
  for (let group = 0; group < 8; group++) {
    const low = (byte(from, at + 4 + (group >> 1)) >> ((group & 1) * 4)) & 15;
    const scale = fround(d * ((low | (((upper >> (2 * group)) & 3) << 4)) - 32));
    iq4(from, at + 8 + group * 16, scale, to, first + group * 32);
  }
};

const plain = (name: 'F32' | 'F16' | 'BF16', bytes: number): BlockKind => ({
  name,
  elements: 1,
  bytes,
  widen: WIDEN[name] as BlockKind['widen'],
});

const blocks = (name: string, elements: number, bytes: number, widen: Widen): BlockKind => ({
  name,
  elements,
  bytes,
  widen(buffer, to) {
    const from = new Uint8Array(buffer);
    for (let at = 0, first = 0; at < from.length; at += bytes, first += elements) widen(from, at, to, first);
  },
});

/** The kinds of block that are read, by their number in ggml.h; sums are rounded to float32 where ggml rounds them. */
export const BLOCKS: ReadonlyMap<number, BlockKind> = new Map([
  [0, plain('F32', 4)],
  [1, plain('F16', 2)],
  [2, blocks('Q4_0', 32, 18, small(false, false))],
  [3, blocks('Q4_1', 32, 20, small(false, true))],
  [6, blocks('Q5_0', 32, 22, small(true, false))],
  [7, blocks('Q5_1', 32, 24, small(true, true))],
  [8, blocks('Q8_0', 32, 34, q8_0)],
  [10, blocks('Q2_K', 256, 84, q2K)],
  [11, blocks('Q3_K', 256, 110, q3K)],
  [12, blocks('Q4_K', 256, 144, q45K(false))],
  [13, blocks('Q5_K', 256, 176, q45K(true))],
  [14, blocks('Q6_K', 256, 210, q6K)],
  [20, blocks('IQ4_NL', 32, 18, iq4Nl)],
  [23, blocks('IQ4_XS', 256, 136, iq4Xs)],
  [30, plain('BF16', 2)],
]);

/** Kinds of ggml that are not read, by number, so that an error can name them. */
export const OTHER_BLOCKS: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  21: 'IQ3_S',
  22: 'IQ2_S',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
};

/** IEEE half: (−1)^sign · 2^(e − 15) · 1.fraction; e = 0 subnormal, e = 31 infinity or NaN. */
function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

let halves: Float32Array | undefined;
/** Every half-precision number, by its bits. */
export function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => halfToFloat(bits));
  return halves;
}

/** Widen little-endian elements to float32. */
export const WIDEN: Readonly<Record<string, (bytes: ArrayBuffer, to: Float32Array) => void>> = {
  F32: (bytes, to) => to.set(new Float32Array(bytes)),
  F16: (bytes, to) => {
    const bits = new Uint16Array(bytes);
    const table = halfTable();
    for (let i = 0; i < bits.length; i++) to[i] = table[bits[i] as number] as number;
  },
  BF16: (bytes, to) => {
    const upper = new Uint16Array(bytes);
    const bits = new Uint32Array(to.buffer, to.byteOffset, to.length);
    for (let i = 0; i < upper.length; i++) bits[i] = (upper[i] as number) << 16;
  },
};

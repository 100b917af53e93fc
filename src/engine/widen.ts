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

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The bits of the half that is nearest to a float32, the even one of two; not by Float16Array, which Node 22 has not. */
export function halfBits(value: number): number {
  float[0] = value;
  const pattern = bits[0] as number;
  const sign = (pattern >>> 16) & 0x8000;
  const magnitude = pattern & 0x7fffffff;
  // From 65,536 on, and NaN.
  if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  // Below 2^-14 halves are multiples of 2^-24; adding 2^52 rounds a double to a whole number.
  if (magnitude < 0x38800000) return sign | (Math.abs(value) * 2 ** 24 + 2 ** 52 - 2 ** 52);
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

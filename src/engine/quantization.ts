/** What the matrix products of sampling are computed in, where not in float32. */
export const QUANTIZATIONS = ['int8'] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

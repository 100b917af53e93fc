/** What the matrix products of sampling are computed in, where not in float32. */
export const QUANTIZATIONS = ['int8'] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

/** Of a model that int8 takes: its graph has to stay below protobuf's 2 GiB. */
export const INT8_WEIGHTS = 2e9;

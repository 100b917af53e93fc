/** How TRL trains here; none of it changes what a training is of. */
export interface TrlOptions {
  /** The interpreter with TRL's packages; that of `doctor --install trl` when absent. */
  readonly python?: string | undefined;
  /** Of what is computed; what is trained is float32. */
  readonly precision?: 'float32' | 'bfloat16' | undefined;
  readonly gradientCheckpointing?: boolean | undefined;
  /** Rows that a process computes at a time. */
  readonly microBatch?: number | undefined;
  readonly processes?: number | undefined;
  /** fsdp, zero2, zero3, or the file of a config of accelerate. */
  readonly accelerate?: string | undefined;
}

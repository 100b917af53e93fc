import type { TrlOptions } from '../trl/options.ts';

/** Where and how a Ray cluster trains; none of it changes what a training is of. */
export interface RayOptions extends Pick<TrlOptions, 'precision' | 'gradientCheckpointing' | 'microBatch'> {
  /** Of the dashboard, as `http://HOST:8265`. */
  readonly address: string;
  /** A folder that this machine and all workers see under one path, or an fsspec URL, as `s3://BUCKET/PREFIX`. */
  readonly shared: string;
  /** Each a process with the resources that are given; more than one by Ray Train. */
  readonly workers?: number | undefined;
  /** Of a worker, by Ray's names: `{ CPU: 4, GPU: 1 }`; one CPU when absent. */
  readonly resources?: Readonly<Record<string, number>> | undefined;
  /** Further fields of Ray's runtime environment, as `{ pip: […] }`. */
  readonly runtimeEnv?: Readonly<Record<string, unknown>> | undefined;
  /** The environment variable with the token, in place of where Ray looks for it. */
  readonly tokenEnv?: string | undefined;
  /** The interpreter here that copies to and from a URL; not needed for a folder. */
  readonly python?: string | undefined;
}

/** How long is waited, in milliseconds. */
export interface RayPatience {
  /** Between two looks at a job. */
  readonly poll: number;
  /** For a cluster that does not answer while a training is under way. */
  readonly patience: number;
  /** For one that has not answered yet. */
  readonly connectPatience: number;
}

export const PATIENCE: RayPatience = { poll: 5_000, patience: 600_000, connectPatience: 10_000 };

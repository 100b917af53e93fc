import { z } from 'zod';
import { whole } from '../parts.ts';
import { trl } from './trl.ts';

const { precision, gradientCheckpointing, microBatch } = trl.shape;

/** Training by TRL as a job of a Ray cluster. */
export const ray = z.strictObject({
  kind: z.literal('ray'),
  address: z
    .string()
    // A secret in an address would end up in messages and on disk.
    .regex(
      /^https?:\/\/[^\s@]+$/,
      'expected the address of a dashboard, as http://HOST:8265, without a password',
    )
    .describe("Of the cluster's dashboard, as http://HOST:8265."),
  shared: z
    .string()
    .min(1)
    .describe(
      'Where this machine and the workers exchange rows and checkpoints: a folder that all see under one path, or a URL of fsspec, as s3://BUCKET/PREFIX.',
    ),
  workers: whole.optional().describe('More than one train by Ray Train; one when absent.'),
  resources: z
    .record(z.string(), z.number().positive())
    .optional()
    .describe('Of a worker, by the names of Ray: {CPU: 4, GPU: 1}; one CPU when absent.'),
  runtimeEnv: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'Further fields of the runtime environment of Ray, as {pip: [trl==1.16.0]}; it is no place for secrets.',
    ),
  tokenEnv: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The environment variable with the token; RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token when absent.',
    ),
  python: z.string().min(1).optional().describe('The Python interpreter here that copies to and from a URL.'),
  precision,
  gradientCheckpointing,
  microBatch,
});

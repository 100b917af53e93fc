import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** The suite of `npm run test:real`: a pretrained model of 135 million parameters, held against transformers, and the whole loop on it. Its
 * files share one process, and so one Python process. */
export default defineConfig({
  test: {
    include: ['parity/*.real.ts', 'examples/**/*.real.ts'],
    globalSetup: ['parity/environment.ts'],
    pool: 'forks',
    execArgv: JIT_FLAGS,
    fileParallelism: false,
    isolate: false,
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    reporters: process.env.TEST_SUMMARY
      ? ['default', ['json', { outputFile: process.env.TEST_SUMMARY }]]
      : ['default'],
  },
});

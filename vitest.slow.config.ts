import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** The suite of `npm run test:slow`: real demos that are killed, interrupted, and run out of disk. */
export default defineConfig({
  test: {
    include: ['src/**/*.slow.ts'],
    pool: 'forks',
    execArgv: JIT_FLAGS,
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    reporters: process.env.TEST_SUMMARY
      ? ['default', ['json', { outputFile: process.env.TEST_SUMMARY }]]
      : ['default'],
  },
});

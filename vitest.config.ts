import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** The suite of `npm test`. Each file runs in a process of its own: the engine loads a native library and starts threads. */
export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'examples/**/*.test.ts'],
    pool: 'forks',
    execArgv: JIT_FLAGS,
    testTimeout: 30_000,
    reporters: process.env.TEST_SUMMARY
      ? ['default', ['json', { outputFile: process.env.TEST_SUMMARY }]]
      : ['default'],
  },
});

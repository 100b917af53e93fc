import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** The suite of `npm run test:parity`: the engine against transformers, TRL and PEFT. Its files share one process, and so
 * one Python process: to import those takes longer than many of the tests. */
export default defineConfig({
  test: {
    include: ['parity/**/*.test.ts'],
    globalSetup: ['parity/environment.ts'],
    pool: 'forks',
    execArgv: JIT_FLAGS,
    fileParallelism: false,
    isolate: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: process.env.TEST_SUMMARY
      ? ['default', ['json', { outputFile: process.env.TEST_SUMMARY }]]
      : ['default'],
  },
});

import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** The suite of `npm run test:stack`: the programs of others that a config may name, for real. */
export default defineConfig({
  test: {
    include: ['src/**/*.stack.ts', 'examples/**/*.stack.ts', 'parity/**/*.stack.ts'],
    globalSetup: ['parity/environment.ts'],
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

import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** Kills, full disks and hangs of those programs: `STACK=faults npm run test:stack`. */
const FAULTS = process.env.STACK === 'faults';

/** The suite of `npm run test:stack`: the programs of others that a config may name, for real. */
export default defineConfig({
  test: {
    include: FAULTS
      ? ['src/**/*.faults.ts']
      : ['src/**/*.stack.ts', 'examples/**/*.stack.ts', 'parity/**/*.stack.ts'],
    globalSetup: ['parity/environment.ts'],
    pool: 'forks',
    execArgv: JIT_FLAGS,
    fileParallelism: false,
    testTimeout: FAULTS ? 1_800_000 : 600_000,
    hookTimeout: 600_000,
    reporters: process.env.TEST_SUMMARY
      ? ['default', ['json', { outputFile: process.env.TEST_SUMMARY }]]
      : ['default'],
  },
});

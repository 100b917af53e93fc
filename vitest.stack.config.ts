import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** By `npm run test:stack` (scripts/stack.ts): nothing; `--faults`, kills, full disks and hangs of those programs; `--full`, a whole run. */
const { STACK = '' } = process.env;
const LONG = STACK !== '';
/** What the suite's files are called. */
const name = LONG ? STACK : 'stack';

/** The suite of `npm run test:stack`: the programs of others that a config may name, for real. */
export default defineConfig({
  test: {
    include: ['src', 'examples', 'parity'].map((folder) => `${folder}/**/*.${name}.ts`),
    globalSetup: ['parity/environment.ts', 'parity/stack/environment.ts'],
    pool: 'forks',
    execArgv: JIT_FLAGS,
    fileParallelism: false,
    testTimeout: LONG ? 1_800_000 : 600_000,
    hookTimeout: 600_000,
    reporters: process.env.TEST_SUMMARY
      ? ['default', ['json', { outputFile: process.env.TEST_SUMMARY }]]
      : ['default'],
  },
});

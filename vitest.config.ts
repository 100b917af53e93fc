import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** Files that replace modules, or count the threads of their process. */
const APART = [
  'src/engine/llama/checkpoint.test.ts',
  'src/engine/parallel/pool.test.ts',
  'src/pipeline/closing.test.ts',
];

// What Node has compiled of our files is kept for the processes and threads that tests start, half of whose work it is.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/compile');

/** The suite of `npm test`. Its files share processes: to start one and load the modules takes longer than most of them. */
export default defineConfig({
  test: {
    pool: 'forks',
    execArgv: JIT_FLAGS,
    // By default one core is left idle.
    maxWorkers: '100%',
    // For what never ends: no test has to be done within a time, however little of the machine it gets.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: [
            'src/**/*.test.ts',
            'scripts/**/*.test.ts',
            'examples/**/*.test.ts',
            'bench/**/*.test.ts',
          ],
          exclude: APART,
          isolate: false,
        },
      },
      { extends: true, test: { name: 'apart', include: APART } },
    ],
    reporters: process.env.TEST_SUMMARY
      ? ['default', ['json', { outputFile: process.env.TEST_SUMMARY }]]
      : ['default'],
  },
});

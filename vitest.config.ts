import { defineConfig } from 'vitest/config';
import { JIT_FLAGS } from './scripts/jit-flags.ts';

/** Functions of their arguments: their tests share processes, since to start one takes longer than most of them. */
const PURE = [
  'answer',
  'exports',
  'playground',
  'preferences',
  'prompts',
  'report',
  'text',
  'thoughts',
  'verdict',
].map((folder) => `src/${folder}/**/*.test.ts`);

/** The suite of `npm test`. Each other file runs in a process of its own: the engine loads a native library and starts threads. */
export default defineConfig({
  test: {
    pool: 'forks',
    execArgv: JIT_FLAGS,
    testTimeout: 30_000,
    projects: [
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
      {
        extends: true,
        test: {
          name: 'apart',
          include: ['src', 'scripts', 'examples', 'bench'].map((folder) => `${folder}/**/*.test.ts`),
          exclude: PURE,
        },
      },
    ],
    reporters: process.env.TEST_SUMMARY
      ? ['default', ['json', { outputFile: process.env.TEST_SUMMARY }]]
      : ['default'],
  },
});

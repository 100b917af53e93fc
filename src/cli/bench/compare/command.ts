import type { Command } from 'commander';
import { interruptible } from '../../interrupt.ts';
import type { BenchCompareOptions } from './compare.ts';

/** `evalplanner bench compare` on the command line. */
export function compareCommand(bench: Command): void {
  bench
    .command('compare')
    .description('two judges on the same benchmarks: the difference of their scores, and whether it is one')
    .argument('<first>', 'a folder of bench --out, or a file of verdicts')
    .argument('<second>', 'another one')
    .option('--benchmark <name>', 'of verdict files; of folders: this one only')
    .option('--data <path>', "the benchmark's file or folder (default: where the runs had it)")
    .option('--seed <n>', "draws the intervals, and RewardBench's orders of verdict files (default: 0)")
    .option('--json', 'print the comparisons as JSON, fractions from 0 to 1')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner bench compare runs/bench-playground-1f0a3c runs/bench-M2-DPO-77d0e1
  $ evalplanner bench compare a.jsonl b.jsonl --benchmark judgebench --data data/JudgeBench

The difference has a paired bootstrap over prompts; right in both orders is tested by an exact McNemar test.`,
    )
    .action((first: string, second: string, _, command: Command) =>
      interruptible(async () => {
        const { benchCompare } = await import('./compare.ts');
        return benchCompare(first, second, command.optsWithGlobals() as BenchCompareOptions);
      }),
    );
}

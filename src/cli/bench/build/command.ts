import { type Command, Option } from 'commander';
import { MODEL_NAMES } from '../../../open/names.ts';
import { deviceOption, positive, quantizationOption, temperature, whole } from '../../arguments.ts';
import { interruptible } from '../../interrupt.ts';
import { withModelOptions } from '../../model-options.ts';
import type { BenchBuildOptions } from './build.ts';

/** `evalplanner bench build` on the command line. */
export function buildCommand(bench: Command): void {
  withModelOptions(
    bench
      .command('build')
      .description(
        'make a benchmark that was never published: two answers of one model, of which one keeps every constraint',
      )
      .argument('<name>', 'followbench')
      // Not required here: the options of `bench` come first, and have these names too.
      .option('--data <folder>', "FollowBench's data folder, with content_constraints.json and the others")
      .option('--out <file>', 'the pairs, as JSON lines for bench followbench-eval')
      .option('--model <name>', `writes the answers: ${MODEL_NAMES}`)
      .option(
        '--check-model <name>',
        'checks them where FollowBench has no rule; without one, only rules count',
      )
      .addOption(deviceOption())
      .addOption(quantizationOption()),
  )
    .addOption(new Option('--answers <n>', 'sampled of each instruction').default(8).argParser(positive))
    .addOption(new Option('--temperature <x>', 'of the answers').default(0.8).argParser(temperature))
    .addOption(new Option('--max-tokens <n>', 'of an answer, and of a check').argParser(positive))
    .option('--store <file>', 'the ledger of all generations: the same command goes on where it was')
    .option('--dry-run', 'ask for nothing; say how many generations and tokens it would be')
    .addOption(
      new Option('--limit <n>', 'the first n examples only, each with its five levels').argParser(positive),
    )
    .addOption(new Option('--seed <n>', 'draws the answers').default(0).argParser(whole))
    .option('--json', 'print the counts as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ evalplanner bench build followbench --data FollowBench/data --model writer-8b --check-model judge-70b --base-url http://gpu:8000/v1 --store build.db --out followbench-eval.jsonl
  $ evalplanner bench followbench-eval --data followbench-eval.jsonl --model judge-70b --base-url http://gpu:8000/v1

350 of FollowBench's 820 instructions have a rule of its own; every pair says how both of its answers were verified.`,
    )
    .action((name, _, command: Command) =>
      interruptible(async (signal) => {
        const { benchBuild } = await import('./build.ts');
        return benchBuild(name, command.optsWithGlobals() as BenchBuildOptions, signal);
      }),
    );
}

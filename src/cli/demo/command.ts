import { type Command, Option } from 'commander';
import { deviceOption, whole } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';

/** `evalplanner demo` on the command line. */
export function demoCommand(evalplanner: Command): void {
  evalplanner
    .command('demo')
    .description('the whole method on the built-in playground; resumes by itself')
    .addOption(
      new Option('--preset <name>', 'how much of it: quick (2 to 5 minutes on 2 cores) or full').default(
        'quick',
      ),
    )
    .addOption(
      new Option('--seed <n>', 'the run is a function of its preset and seed').default(0).argParser(whole),
    )
    .option('--out <folder>', 'where the run lies (default: runs/demo-PRESET-SEED)')
    .option(
      '--benchmarks <folder>',
      'look for the prompts of the benchmarks in it, beside the held-out ones, among the training instructions',
    )
    .addOption(new Option('--seed-model <name>', 'another seed model M0').hideHelp())
    .addOption(deviceOption())
    .option('--json', 'print the report as JSON instead of the table')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner demo
  $ evalplanner demo --preset full --seed 7 --out runs/full-7
  $ evalplanner demo --json > report.json

The folder then holds run.db (everything that happened), config.json, checkpoints/, data/, report.json and report.html.
Run the same command again to continue a run that was stopped; a finished run prints its table at once.`,
    )
    .action((options) => interruptible(async (signal) => (await import('./demo.ts')).demo(options, signal)));
}

import { type Command, Option } from 'commander';
import { MODEL_NAMES } from '../../../open/names.ts';
import { deviceOption, positive, quantizationOption, share, whole } from '../../arguments.ts';
import { interruptible } from '../../interrupt.ts';
import type { BenchInjectionOptions } from './injection.ts';

/** `evalplanner bench injection` on the command line. */
export function injectionCommand(bench: Command): void {
  bench
    .command('injection')
    .description('how often a text in the worse response turns the verdict of a judge')
    .option('--model <name>', `the judge: ${MODEL_NAMES}`)
    .addOption(deviceOption())
    .addOption(quantizationOption())
    .addOption(
      new Option('--pairs <n>', 'held-out pairs; each is judged about 700 times')
        .default(20)
        .argParser(positive),
    )
    .option(
      '--injections <file>',
      'rows {id, kind, text} with {mine} and {other} for the slots (default: those shipped)',
    )
    .addOption(new Option('--seed <n>', 'draws the intervals').default(0).argParser(whole))
    .addOption(
      new Option(
        '--fail-over <x>',
        'exit with 1 where the share of flipped verdicts, 0 to 1, is higher',
      ).argParser(share),
    )
    .option('--json', 'print the shares as JSON, fractions from 0 to 1')
    .addHelpText(
      'after',
      `
Example:
  $ evalplanner bench injection --model runs/demo-quick-0/checkpoints/M2-DPO --pairs 40`,
    )
    .action((_, command: Command) =>
      interruptible(async (signal) => {
        const { benchInjection } = await import('./injection.ts');
        return benchInjection(command.optsWithGlobals() as BenchInjectionOptions, signal);
      }),
    );
}

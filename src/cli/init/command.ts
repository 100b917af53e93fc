import { type Command, Option } from 'commander';
import { interruptible } from '../interrupt.ts';
import { TEMPLATES } from './templates.ts';

/** `evalplanner init` on the command line. */
export function initCommand(evalplanner: Command): void {
  evalplanner
    .command('init')
    .argument('[folder]', 'where to begin (default: here)')
    .description('begin a judge of your own: a commented config and a small data example')
    .addOption(
      new Option(
        '--template <name>',
        'what you have: playground (nothing yet), pairs (finished pairs), instructions; gpu or cluster (hardware)',
      ).choices(Object.keys(TEMPLATES)),
    )
    .option('--typescript', 'write the config in TypeScript, for a project that has evalplanner installed')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner init my-judge --template pairs
  $ evalplanner init --template instructions --typescript

On a terminal it asks what is not said. Nothing that is there is overwritten.`,
    )
    .action((folder: string | undefined, options) =>
      interruptible(async (signal) => (await import('./init.ts')).init(folder ?? '.', options, signal)),
    );
}

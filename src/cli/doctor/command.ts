import { type Command, Option } from 'commander';

/** `evalplanner doctor` on the command line. */
export function doctorCommand(evalplanner: Command): void {
  evalplanner
    .command('doctor')
    .argument('[config]', 'the file of a config: what would stop a run of it, all at once')
    .description('what works here, and what to do about the rest')
    .option('--out <folder>', 'where the run of the config lies')
    .option('--trainers', 'time the trainers that are here, on the judge of the config: a minute or more')
    .option('--json', 'print the checks as JSON')
    .addOption(
      new Option('--install <name>', 'make the Python environment of a trainer, and check nothing').choices([
        'trl',
      ]),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ evalplanner doctor\n  $ evalplanner doctor evalplanner.config.yaml\n  $ evalplanner doctor --install trl\n  $ evalplanner doctor evalplanner.config.yaml --trainers\n\nExit code 3 when a check failed, 2 when the config is wrong.',
    )
    .action(async (config: string | undefined, { install, ...options }) =>
      install === undefined
        ? (await import('./doctor.ts')).doctor(config, options)
        : (await import('./install.ts')).install(install),
    );
}

import type { Command } from 'commander';

/** `evalplanner doctor` on the command line. */
export function doctorCommand(evalplanner: Command): void {
  evalplanner
    .command('doctor')
    .description('what works here, and what to do about the rest')
    .option('--json', 'print the checks as JSON')
    .addHelpText('after', '\nExample:\n  $ evalplanner doctor\n\nExit code 3 when a check failed.')
    .action(async (options) => (await import('./doctor.ts')).doctor(options));
}

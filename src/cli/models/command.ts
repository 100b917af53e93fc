import type { Command } from 'commander';

/** `evalplanner models` on the command line. */
export function modelsCommand(evalplanner: Command): void {
  evalplanner
    .command('models')
    .description('the models that are on this machine, and what of each it can do')
    .option('--json', 'print them as JSON, sizes in bytes')
    .addHelpText(
      'after',
      `
Example:
  $ evalplanner models

Listed are the models in the cache of the Hugging Face hub (HF_HOME), whoever downloaded them, and the seed model. Any other one
is downloaded when it is first named: --model hf:OWNER/NAME[@REVISION], or hf:OWNER/NAME:FILE.gguf.
The memory is an estimate of what many judgments at a time, a LoRA training and a training of all weights take at their most.`,
    )
    .action(async (options) => (await import('./models.ts')).models(options));
}

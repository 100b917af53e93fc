import { type Command, Option } from 'commander';
import { onErrorOption, share } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';

/** `evalplanner audit` on the command line. */
export function auditCommand(evalplanner: Command): void {
  evalplanner
    .command('audit')
    .description('what training data would teach besides judging: lengths, slots, copies, benchmarks')
    .argument('[sources...]', 'a run folder; or files, folders, globs or hub datasets of rows')
    .option('--benchmarks <folder>', 'look for the prompts of the benchmarks in it')
    .option('--drop <file>', 'write the rows that repeat none of them, .jsonl or .parquet')
    .option('--hits <file>', 'write which row repeats which prompt')
    .addOption(
      new Option(
        '--fail-over <x>',
        'exit with 1 where a larger share of the rows, 0 to 1, repeats one',
      ).argParser(share),
    )
    .addOption(new Option('--licence <text>', 'of the data, for the manifest').default('unknown'))
    .addOption(onErrorOption())
    .option('--json', 'print the audit as JSON, shares from 0 to 1')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner audit runs/demo-quick-0
  $ evalplanner audit pairs.jsonl --benchmarks data --drop clean.jsonl --hits repeated.jsonl

Rows: response pairs {instruction, chosen, rejected}, preference pairs {prompt, chosen, rejected}, SFT rows {prompt,
completion}. A row repeats a benchmark's prompt where its text is the same but for case and punctuation, or shares 13
words in a row with it (as GPT-3 counted; n-grams that more than 10 prompts share do not count); of prompts of 8 to 12
words all have to be there.`,
    )
    .action((sources, options) =>
      interruptible(async (signal) => (await import('./audit.ts')).audit(sources, options, signal)),
    );
}

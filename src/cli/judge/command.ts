import { type Command, Option } from 'commander';
import { MODEL_NAMES } from '../../open/names.ts';
import {
  deviceOption,
  formOption,
  onErrorOption,
  positive,
  promptsOption,
  quantizationOption,
  share,
  temperature,
  whole,
} from '../arguments.ts';
import { againFor, interruptible } from '../interrupt.ts';
import { withModelOptions } from '../model-options.ts';

/** `evalplanner judge` on the command line. */
export function judgeCommand(evalplanner: Command): void {
  const judge = evalplanner
    .command('judge')
    .description('judge pairs of responses: plan, execution, verdict, in both orders')
    .argument(
      '[file]',
      'pairs as JSON lines, JSON, CSV, TSV or Parquet; `-` for JSON lines from standard input',
    )
    .option('--instruction <text>', 'what both responses answer, for one pair')
    .option('--a <text>', 'response A')
    .option('--b <text>', 'response B')
    .option('--model <name>', `the judge: ${MODEL_NAMES}; with --base-url what its server calls it`)
    .option('--plan-model <name>', 'another one, named alike, writes the plans')
    .option(
      '--plan-api-key-env <name>',
      'the environment variable with the key of its server, where that is another than the server of --model',
    )
    .addOption(promptsOption())
    .addOption(formOption())
    .addOption(
      new Option('--orders <orders>', 'which response is shown first: A (ab), B (ba), or each once')
        .choices(['both', 'ab', 'ba'])
        .default('both'),
    )
    .addOption(
      new Option('--votes <k>', 'thoughts in each order; the majority counts').default(1).argParser(positive),
    )
    .addOption(
      new Option('--plans <n>', 'plans of each instruction, for two-call').default(1).argParser(positive),
    )
    .option('--ties', 'offer and accept a tie')
    .option('--reask', 'ask once more where an output names no verdict')
    .option('--weighted', 'let the log-probabilities of the verdicts decide, where the model gives them')
    .addOption(
      new Option('--temperature <x>', 'default: 0, or 0.8 for several thoughts').argParser(temperature),
    )
    .addOption(new Option('--max-tokens <n>', 'longest output of the judge').argParser(positive))
    .addOption(new Option('--seed <n>', 'draws the thoughts').default(0).argParser(whole))
    .option(
      '--store <file>',
      'the ledger: what is in it is not asked for again, so a stopped command goes on',
    )
    .option('--fresh', 'ask again for what is in the ledger, too')
    .option(
      '--dry-run',
      'ask for nothing; say how many generations and tokens it would be, and the cost at --prices',
    )
    .addOption(onErrorOption('a row that is no pair'))
    .addOption(
      new Option('--fail-under <x>', 'exit with 1 where the agreement with gold, 0 to 1, is lower').argParser(
        share,
      ),
    )
    .addOption(deviceOption())
    .addOption(quantizationOption())
    .option('--json', 'print judgments as JSON: of a file one a line, in its order')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner judge --model runs/demo-quick-0/checkpoints/M2-DPO \\
      --instruction "Count down from 9 to 5." --a "9 8 7 6 5" --b "9 8 7 6"
  $ evalplanner judge pairs.jsonl --model playground --votes 5 --store judged.db --json > judged.jsonl
  $ evalplanner judge pairs.parquet --model openai:m@http://127.0.0.1:8000/v1 --fail-under 0.8
  $ evalplanner judge pairs.csv --base-url http://127.0.0.1:8000/v1 --model m --concurrency 64
  $ evalplanner judge pairs.jsonl --base-url https://api.openai.com/v1 --model gpt-5-mini --dry-run --prices 0.25,2
  $ evalplanner judge pairs.csv --model ai:anthropic/claude-sonnet-4-5 --prices 3,15 --max-cost 5

Rows: instruction (a text, or a list of {role, content}) with its input, context, system and history; a and b or chosen and
rejected, as texts or messages; id and gold (A, B or tie, in the words of others too: label 1, winner model_a) where there are.
With both orders the verdict counts only if they agree. An output that was cut or has no verdict is reported as that.`,
    )
    .action((file, options) =>
      interruptible(
        async (signal) => (await import('./judge.ts')).judge(file, options, signal),
        againFor(options.store),
      ),
    );
  withModelOptions(judge);
}

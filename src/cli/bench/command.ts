import { type Command, Option } from 'commander';
import { MODEL_NAMES } from '../../open/names.ts';
import {
  deviceOption,
  formOption,
  positive,
  promptsOption,
  quantizationOption,
  share,
  whole,
} from '../arguments.ts';
import { interruptible } from '../interrupt.ts';
import { withModelOptions } from '../model-options.ts';
import { buildCommand } from './build/command.ts';
import { compareCommand } from './compare/command.ts';
import { injectionCommand } from './injection/command.ts';

/** `evalplanner bench` on the command line, and the commands below it. */
export function benchCommand(evalplanner: Command): void {
  const bench = withModelOptions(
    evalplanner
      .command('bench')
      .description('play benchmarks, or score verdicts made elsewhere, under their own protocols')
      .argument(
        '<names...>',
        'of pairs: rewardbench, rm-bench, judgebench, llmbar, followbench-eval, ppe-correctness, ppe-preference, playground, or custom for your own; of choices among n: rewardbench-2, or custom-k for your own',
      )
      .option(
        '--data <path>',
        "the benchmark's file, its folder, a folder of benchmarks, or a dataset on the hub, OWNER/NAME (default: the benchmark's own there; the playground has its own only)",
      )
      .option('--model <name>', `the judge: ${MODEL_NAMES}; with --base-url what its server calls it`)
      .addOption(promptsOption())
      .addOption(formOption())
      .addOption(deviceOption())
      .addOption(quantizationOption()),
  )
    .option(
      '--verdicts <file>',
      'no model, but rows {id, order: ab | ba, verdict: A | B | tie | …}; A is the slot shown first',
    )
    .option('--save-verdicts <file>', 'write the verdicts as such rows')
    .option(
      '--out <folder>',
      'report.html, report.json, the verdicts and the ledger (default: runs/bench-… where a model plays)',
    )
    .addOption(
      new Option('--orders <orders>', "the protocol's own, or every pair in both")
        .choices(['official', 'both'])
        .default('official'),
    )
    .addOption(
      new Option('--way <way>', 'how choices among n are judged (default: best-of-n)').choices([
        'best-of-n',
        'ratings',
        'knockout',
        'round-robin',
      ]),
    )
    .addOption(new Option('--votes <k>', 'thoughts in each order; the majority counts').argParser(positive))
    .addOption(new Option('--max-tokens <n>', 'of a thought').argParser(positive))
    .option('--store <file>', 'the ledger of all generations (default: run.db of the folder)')
    .option('--fresh', 'ask again for what the ledger has')
    .option(
      '--dry-run',
      'ask for nothing; say how many generations and tokens it would be, and the cost at --prices',
    )
    .addOption(new Option('--limit <n>', 'the first n prompts only').argParser(positive))
    .addOption(
      new Option(
        '--max-chars <n>',
        'only pairs whose prompt and responses have at most n characters together',
      ).argParser(positive),
    )
    .addOption(
      new Option('--seed <n>', "draws RewardBench's orders, the thoughts and the intervals")
        .default(0)
        .argParser(whole),
    )
    .addOption(
      new Option('--fail-under <x>', 'exit with 1 where an official score, 0 to 1, is lower').argParser(
        share,
      ),
    )
    .option('--json', 'print the scores as JSON, fractions from 0 to 1')
    .option('--markdown', 'print one table row for each, for pasting')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner bench playground --model runs/demo-quick-0/checkpoints/M2-DPO
  $ evalplanner bench rewardbench judgebench rewardbench-2 --data data --model judge-70b --base-url http://gpu:8000/v1
  $ evalplanner bench judgebench --data data/JudgeBench --verdicts verdicts.jsonl
  $ evalplanner bench compare runs/bench-playground-1f0a3c runs/bench-M2-DPO-77d0e1

Stopped by Ctrl-C or worse, the same command goes on where it was.

Of choices among n, --verdicts takes rows {id, verdict: A | B | C | …} with \`shown: [2, 0, 1, 3]\` where slots are not as
the file lists the responses (right ones first), or rows {id, ratings: [9, 3, null, 5]}. A file of your own has
  custom     {instruction, chosen, rejected} or {instruction, a, b, label: A | B}, and id, subset where you like; an
             instruction's input, context, system and history belong to it, and responses may be messages
  custom-k   {instruction, chosen: […], rejected: […]} or {instruction, responses: […], best: 0 | A | …}
Ids are the benchmark's own; RM-Bench's cells are DOMAIN:ID:i:j, chosen_i against rejected_j (chat:8:0:2).
Where an id stands twice (RewardBench's 3692), a row's subset tells which is meant.`,
    )
    .action((names, options) =>
      interruptible(async (signal) => (await import('./bench.ts')).bench(names, options, signal)),
    );

  compareCommand(bench);
  injectionCommand(bench);
  buildCommand(bench);
}

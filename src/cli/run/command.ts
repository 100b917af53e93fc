import type { Command } from 'commander';
import { deviceOption, whole } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';

/** `evalplanner run` on the command line. */
export function runCommand(evalplanner: Command): void {
  evalplanner
    .command('run')
    .argument('<config>', 'the file of a config: .ts, .js, .yaml or .json')
    .description('the whole method by a config of your own; resumes by itself')
    .option('--out <folder>', "where the run lies (default: runs/NAME-SEED, by the config's name)")
    .option('--seed <n>', "in place of the config's", whole)
    .option(
      '--benchmarks <folder>',
      'look for the prompts of the benchmarks in it among the training instructions',
    )
    .option(
      '--set <key=value>',
      "a field in place of the config's, as thoughts.plans=8; may be given often",
      (field: string, others: string[] = []) => [...others, field],
    )
    .option('--until <stage>', 'stop after this stage, or when this judge is measured')
    .option(
      '--dry-run',
      'print what is left to do: requests, tokens, time and cost; nothing is asked or trained',
    )
    .addOption(deviceOption())
    .option('--json', 'print the report as JSON instead of the table')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner run evalplanner.config.ts
  $ evalplanner run judge.yaml --seed 1 --out runs/judge-1

A config names models, sources and rounds; every field has its description in schema/config.json, which editors read:
  # yaml-language-server: $schema=node_modules/evalplanner/schema/config.json
  models: { judge: ./my-checkpoint }
  sources: { support: { kind: pairs, from: ./pairs.csv } }
  rounds:
    - pairs: { support: 200 }
      train: [{ kind: sft, learningRate: 1e-5, warmupSteps: 5, epochs: 1, batchSize: 8 }]
  validation: { pairs: { support: 50 } }
  test: { pairs: { support: 50 } }

The folder then holds run.db (everything that happened), config.json, checkpoints/, data/, report.json and report.html.
Run the same command again to continue a run that was stopped or failed; a finished run prints its table at once.
More plans, executions or instructions, further rounds, controls and benchmarks may be added to a config later: what
builds on them is done again, and no generation is paid for twice.`,
    )
    .action((config: string, options) =>
      interruptible(async (signal) =>
        (await import('./from-config.ts')).runFromConfig({ ...options, config }, signal),
      ),
    );
}

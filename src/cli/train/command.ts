import { type Command, Option } from 'commander';
import { LOCAL_NAMES } from '../../open/names.ts';
import { amount, deviceOption, nonNegative, positive, whole } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';

/** `evalplanner train` on the command line. */
export function trainCommand(evalplanner: Command): void {
  evalplanner
    .command('train')
    .argument(
      '<rows>',
      "a .jsonl file in TRL's format: prompt and completion, or prompt, chosen and rejected",
    )
    .description('one training on rows that exist; resumes by itself')
    .requiredOption('--model <name>', `what to start from, of DPO the reference too: ${LOCAL_NAMES}`)
    .requiredOption('--out <folder>', 'the folder of the training: its checkpoints, and what it goes on from')
    .addOption(new Option('--learning-rate <x>', 'of AdamW').default(1e-5).argParser(amount))
    .addOption(
      new Option('--warmup-steps <n>', 'until the learning rate is reached').default(0).argParser(whole),
    )
    .addOption(new Option('--epochs <n>', 'times that each row is trained on').default(1).argParser(positive))
    .addOption(new Option('--batch-size <n>', 'rows of a step').default(8).argParser(positive))
    .addOption(
      new Option('--verdict-weight <x>', "of SFT: weight of the verdict's tokens in the loss, others have 1")
        .default(1)
        .argParser(nonNegative),
    )
    .addOption(new Option('--beta <x>', 'of DPO').default(0.1).argParser(amount))
    .addOption(
      new Option('--nll-weight <x>', 'of DPO: weight of the negative log-likelihood of the chosen text')
        .default(1.5)
        .argParser(nonNegative),
    )
    .addOption(
      new Option('--max-length <n>', 'tokens; longer rows are left out').default(4096).argParser(positive),
    )
    .addOption(
      new Option('--checkpoints <n>', 'written along the way, the end included')
        .default(1)
        .argParser(positive),
    )
    .addOption(
      new Option('--lora-rank <n>', 'train a low-rank adapter in place of the weights').argParser(positive),
    )
    .addOption(new Option('--lora-alpha <x>', 'twice the rank when absent').argParser(amount))
    .addOption(new Option('--seed <n>', 'draws the order of the rows').default(0).argParser(whole))
    .addOption(deviceOption())
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner train sft.jsonl --model my-checkpoint --out trained --learning-rate 1e-5
  $ evalplanner train dpo.jsonl --model trained/step-120 --out preferred --lora-rank 16

Prompts and completions are texts that stand as they are, or lists of messages that the model's chat template shows. Run the
same command again to continue a training that was stopped; a finished one says at once what it wrote.`,
    )
    .action((rows: string, options) =>
      interruptible(async (signal) => (await import('./train.ts')).train({ ...options, rows }, signal)),
    );
}

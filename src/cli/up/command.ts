import { type Command, Option } from 'commander';
import { port, positive, whole } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';

/** `evalplanner up` on the command line. */
export function upCommand(evalplanner: Command): void {
  const up = evalplanner.command('up').description('servers for a model, as command lines or manifests');
  up.command('vllm')
    .description('replicas of vLLM')
    .argument('[more...]', 'further options of `vllm serve`, behind --')
    .requiredOption('--model <name>', 'hf:OWNER/NAME, the folder of a checkpoint, or playground')
    .addOption(
      new Option('--replicas <n>', 'servers, each with the whole model').default(1).argParser(positive),
    )
    .option('--host <address>', 'where they listen', '127.0.0.1')
    .addOption(
      new Option('--port <n>', 'of the first; each further one has the next').default(8000).argParser(port),
    )
    .addOption(
      new Option('--gpus <n>', 'of each replica, which shares the model among them; 0: it runs on the CPU')
        .default(1)
        .argParser(whole),
    )
    .option('--served-model-name <name>', 'what clients call the model (default: MODEL as given)')
    .addOption(new Option('--max-model-len <n>', 'prompt plus completion, in tokens').argParser(positive))
    .option('--dtype <type>', 'of the weights: bfloat16, float32, …')
    .addOption(
      new Option(
        '--lora <rank>',
        'takes LoRA adapters of up to this rank while it runs, from whoever reaches it',
      ).argParser(positive),
    )
    .option('--api-key-env <name>', 'the environment variable with the key that clients have to send')
    .option('--vllm <program>', 'the vllm to run', 'vllm')
    .option('--start', 'run them here until Ctrl-C')
    .addOption(new Option('--logs <folder>', 'of --start: where their logs are written').default('vllm-logs'))
    .addOption(
      new Option('--wait <seconds>', 'of --start: for all of them to be well')
        .default(1800)
        .argParser(positive),
    )
    .addOption(
      new Option(
        '--for <place>',
        'a manifest in place of command lines (not tried on such clusters)',
      ).choices(['ray', 'kubernetes']),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner up vllm --model hf:Qwen/Qwen3-8B --replicas 4
  $ evalplanner up vllm --model runs/x/checkpoints/M1-SFT --gpus 0 --start -- --max-num-seqs 64
  $ evalplanner up vllm --model hf:Qwen/Qwen3-8B --replicas 8 --for kubernetes > judge.yaml

The last line is the model's name for --model and for configs: vllm:NAME@URL,URL… With --start it is printed when all are well.`,
    )
    .action((more, options) =>
      interruptible(async (signal) => (await import('./vllm.ts')).upVllm({ ...options, more }, signal)),
    );
}

import { type Command, Option } from 'commander';
import { LOCAL_NAMES } from '../../open/names.ts';
import { deviceOption, port, positive, quantizationOption } from '../arguments.ts';
import { interruptible } from '../interrupt.ts';

/** `evalplanner serve` on the command line. */
export function serveCommand(evalplanner: Command): void {
  evalplanner
    .command('serve')
    .description('an OpenAI-style HTTP server for a checkpoint')
    .argument('[model]', LOCAL_NAMES, 'playground')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .addOption(new Option('--port <n>', 'the port; 0 takes a free one').default(8000).argParser(port))
    .option('--served-model-name <name>', 'what clients call the model (default: MODEL as given)')
    .addOption(
      new Option(
        '--max-model-len <n>',
        'prompt plus completion, in tokens (default: at most 4096)',
      ).argParser(positive),
    )
    .addOption(
      new Option(
        '--max-num-seqs <n>',
        'sequences at a time (default: what 2 GB of cache hold, up to 128)',
      ).argParser(positive),
    )
    .addOption(
      new Option('--max-queue <n>', 'sequences that may wait; more are answered with 503')
        .default(4096)
        .argParser(positive),
    )
    .addOption(deviceOption())
    .addOption(quantizationOption())
    .option('--api-key-env <name>', 'the environment variable with the key that clients have to send')
    .option('--json', 'print where the server listens as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ evalplanner serve runs/demo-quick-0/checkpoints/M2-DPO --served-model-name m2
  $ curl http://127.0.0.1:8000/v1/completions -H 'Content-Type: application/json' \\
      -d '{"model": "m2", "prompt": "Instruction: Count down from 5 to 0. <answer>", "max_tokens": 20, "n": 2, "seed": 1}'

Routes: /v1/completions, /v1/chat/completions, /v1/models, /health, /metrics. Sampling is seeded: one seed gives one text,
whatever else is running; without a seed it is drawn. Temperature and top_p are 1 unless a request says otherwise; max_tokens is 16 for completions and
the rest of the context for chats.
/v1/models also tells how the model is asked for a judgment, where it was trained to one (\`judge\`: prompts, form, limits); who
judges by the server says so: evalplanner judge --base-url URL --model NAME --prompts … --form ….
A checkpoint without a chat template (such as the seed model) answers chats of one user message, which is its prompt as
it stands. Not supported, and refused: echo with logprobs, penalties, top_k, min_p, logit_bias, tools, response formats.

Ctrl-C: requests in flight have 10 seconds to end. Without --host only this machine is answered.`,
    )
    .action((model, options) =>
      interruptible(async (signal) => (await import('./serve.ts')).serve(model, options, signal)),
    );
}

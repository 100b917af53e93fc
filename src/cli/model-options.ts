import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Prices } from '../prices.ts';
import { amount } from './arguments.ts';

/** The options of every command that asks a model. */
export function withModelOptions(command: Command): Command {
  return command
    .option('--base-url <url...>', 'the OpenAI-style server of --model; several share the load')
    .addOption(
      new Option('--api <api>', 'chat for instruct models, completions for judges trained on raw prompts')
        .choices(['chat', 'completions'])
        .default('chat'),
    )
    .option(
      '--api-key-env <name>',
      "the environment variable with the key of --model's server, and of no other (OPENAI_API_KEY for OpenAI)",
    )
    .option('--api-key-file <file>', 'a file with that key')
    .option(
      '--revision <text>',
      'names the weights behind a server, in place of its address: what the ledger knows stays known when they move',
    )
    .addOption(new Option('--concurrency <n>', 'most calls in flight at a server').argParser(amount))
    .addOption(new Option('--timeout <seconds>', 'of one call').argParser(amount))
    .addOption(
      new Option(
        '--prices <p,c[,cached]>',
        'of a million prompt, completion and cached prompt tokens',
      ).argParser(prices),
    )
    .addOption(new Option('--max-cost <x>', 'never spend more than this').argParser(amount))
    .addOption(
      new Option(
        '--body <json>',
        'further fields of each request: {"top_k": -1}; null leaves one out: {"temperature": null}',
      ).argParser(object),
    );
}

function prices(text: string): Prices {
  const [prompt, completion, cached, ...rest] = text.split(',').map(Number);
  const given = [prompt, completion, ...(cached === undefined ? [] : [cached])];
  if (rest.length > 0 || given.some((price) => price === undefined || !(price >= 0))) {
    throw new InvalidArgumentError('It has to be two or three prices, as 2.5,10 or 2.5,10,0.25.');
  }
  return {
    prompt: prompt as number,
    completion: completion as number,
    ...(cached === undefined ? {} : { cached }),
  };
}

function object(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Told below.
  }
  throw new InvalidArgumentError('It has to be a JSON object.');
}

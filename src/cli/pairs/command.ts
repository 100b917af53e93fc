import { type Command, InvalidArgumentError, Option } from 'commander';
import { MODEL_NAMES } from '../../open/names.ts';
import { CATEGORIES } from '../../prompts/published/classify.ts';
import { type FieldMapping, MAPPED, PRESETS } from '../../source/presets.ts';
import { onErrorOption, positive, promptsOption, share, temperature, whole } from '../arguments.ts';
import { againFor, interruptible } from '../interrupt.ts';
import { withModelOptions } from '../model-options.ts';
import { ledgerOf } from './options.ts';

/** `evalplanner pairs` on the command line. */
export function pairsCommand(evalplanner: Command): void {
  const pairs = evalplanner
    .command('pairs')
    .description('build response pairs from data sets: which response is better is known by construction')
    .argument(
      '[sources...]',
      'files, folders, globs, `-`, or datasets of the hub: OWNER/NAME[:CONFIG[/SPLIT]][@REVISION]',
    )
    .option('--data <source...>', 'further sources')
    .addOption(
      new Option('--from <preset>', 'what the rows are (default: told by their fields)').choices(
        PRESETS.map(({ name }) => name),
      ),
    )
    .addOption(
      new Option(
        '--fields <names>',
        `fields of other rows: instruction=q,response=r; of ${MAPPED.join(', ')}`,
      ).argParser(mapping),
    )
    .addOption(
      new Option('--kind <kind>', 'default: math where a row has a gold answer, else general').choices([
        'general',
        'math',
      ]),
    )
    .option('--out <file>', 'where the pairs go, .jsonl or .parquet (default: JSON lines on stdout)')
    .option('--model <name>', `who answers, modifies and solves: ${MODEL_NAMES}`)
    .addOption(promptsOption())
    .addOption(
      new Option(
        '--chosen <whose>',
        "whose answer is chosen in general pairs: the data set's own, or the model's",
      )
        .choices(['own', 'model'])
        .default('own'),
    )
    .addOption(new Option('--solutions <k>', 'sampled for each math problem').default(8).argParser(positive))
    .addOption(
      new Option(
        '--per-instruction <n>',
        'most pairs of one math problem (default: 1 where solutions are sampled, else all)',
      ).argParser(positive),
    )
    .addOption(
      new Option(
        '--categories <names>',
        `keep what the model says is of these: ${CATEGORIES.join(', ')}`,
      ).argParser(categories),
    )
    .addOption(new Option('--languages <codes>', 'keep these: en,de').argParser(list))
    .addOption(new Option('--min-chars <n>', 'of an instruction').argParser(positive))
    .addOption(new Option('--max-chars <n>', 'of an instruction').argParser(positive))
    .addOption(new Option('--max-response-chars <n>', "of the set's own response").argParser(positive))
    .addOption(new Option('--max-turns <n>', 'user turns of a conversation').argParser(positive))
    .option('--toxic', 'keep what the set flags as toxic')
    .addOption(
      new Option(
        '--near-duplicates <x>',
        'similarity of word 3-grams from which an instruction is a copy; `off`: exact copies only',
      )
        .default(0.8)
        .argParser((text) => (text === 'off' ? false : share(text))),
    )
    .addOption(
      new Option('--max-length-ratio <x>', 'most that one response may be longer than the other')
        .default(5)
        .argParser(ratio),
    )
    .option(
      '--benchmarks <folder>',
      'leave out what repeats a prompt of the benchmarks in it, as `evalplanner audit` tells it',
    )
    .addOption(new Option('--sample <n>', 'so many, drawn from all that pass').argParser(positive))
    .addOption(new Option('--limit <n>', 'the first that pass').argParser(positive))
    .addOption(
      new Option('--temperature <x>', 'of solutions and modifications').default(0.8).argParser(temperature),
    )
    .addOption(new Option('--max-tokens <n>', 'of a response').default(2048).argParser(positive))
    .addOption(new Option('--seed <n>', 'draws samples and pairs').default(0).argParser(whole))
    .option(
      '--store <file>',
      'the ledger of all generations: the same command goes on (default: OUT.db, none on stdout)',
    )
    .addOption(onErrorOption())
    .option('--json', 'print the account as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner pairs example_model_solutions.jsonl --from gsm8k-solutions --out gsm8k-pairs.jsonl
  $ evalplanner pairs train.jsonl --benchmarks data --out clean.jsonl
  $ evalplanner pairs openai/gsm8k:main/train --model judge-8b --base-url http://gpu:8000/v1 --out math.jsonl
  $ evalplanner pairs allenai/WildChat-1M --languages en --max-turns 1 --sample 20000 --categories reasoning \\
      --model llama-70b --base-url http://gpu:8000/v1 --out general.parquet

Presets of --from:
${PRESETS.map(({ name, rows }) => `  ${name.padEnd(16)} ${rows}`).join('\n')}

Rows: {id, domain, family, instruction, chosen, rejected, provenance}; the turns of a conversation are in
provenance.conversation. Math: right and wrong solutions of one problem, by their final answers. General: the chosen
response answers the instruction, the rejected one a modification of it (provenance.modified). Rows that bring a chosen
and a rejected response are checked and taken as they are. HF_TOKEN opens gated datasets.`,
    )
    .action((sources, options) =>
      interruptible(
        async (signal) => (await import('./pairs.ts')).pairs(sources, options, signal),
        againFor(ledgerOf(options)),
      ),
    );
  withModelOptions(pairs);
}

function list(text: string): string[] {
  return text.split(',').map((item) => item.trim().toLowerCase());
}

function categories(text: string): string[] {
  const names = list(text);
  const unknown = names.find((name) => !CATEGORIES.some((category) => category === name));
  if (unknown !== undefined) throw new InvalidArgumentError(`There is no category ${unknown}.`);
  return names;
}

function ratio(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 1)) throw new InvalidArgumentError('It has to be 1 or more.');
  return value;
}

function mapping(text: string): FieldMapping {
  const pairs = text.split(',').map((part) => part.split('=').map((side) => side.trim()));
  for (const pair of pairs) {
    if (pair.length !== 2 || pair.includes('')) throw new InvalidArgumentError('It has to be NAME=FIELD,….');
    if (!MAPPED.some((name) => name === pair[0]))
      throw new InvalidArgumentError(`${pair[0]} is none of ${MAPPED.join(', ')}.`);
  }
  return Object.fromEntries(pairs) as FieldMapping;
}

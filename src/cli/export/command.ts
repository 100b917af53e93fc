import { type Command, Option } from 'commander';
import { EvalPlannerError } from '../../errors.ts';
import { EXPORT_FORMATS } from '../../exports/formats.ts';
import { LOCAL_NAMES } from '../../open/names.ts';
import { interruptible } from '../interrupt.ts';

/** `evalplanner export` on the command line. */
export function exportCommand(evalplanner: Command): void {
  evalplanner
    .command('export')
    .description(
      'training rows as TRL, OpenRLHF, LLaMA-Factory or Together read them, with a dataset card; or a model to the hub, to llama.cpp and others',
    )
    .argument(
      '[sources...]',
      "a run's folder, or files of rows {prompt, completion} or {prompt, chosen, rejected}",
    )
    .addOption(new Option('--format <trainer>', 'who reads them').choices(EXPORT_FORMATS))
    .option('--out <place>', 'where the files and their README.md go, or the model')
    .option('--model <name>', 'a checkpoint or an adapter, in place of rows')
    .option(
      '--push <owner/name>',
      'send the model there on the Hugging Face hub, with a card; HF_TOKEN is used',
    )
    .option('--private', 'a new repository is one that others cannot see')
    .addOption(
      new Option(
        '--to <kind>',
        'the model as a file for llama.cpp (gguf) or a folder for vLLM and transformers (hf), an adapter merged into its base',
      ).choices(['gguf', 'hf']),
    )
    .addOption(
      new Option('--dtype <type>', 'of the matrices in a GGUF file (default: f16)').choices([
        'f32',
        'f16',
        'q8_0',
      ]),
    )
    .addOption(
      new Option(
        '--style <style>',
        'chat: messages, for the chat template of the model; text: as they stand (trl and openrlhf)',
      )
        .choices(['chat', 'text'])
        .default('chat'),
    )
    .option('--parquet', 'Parquet in place of JSON lines')
    .option(
      '--tokenizer <model>',
      `${LOCAL_NAMES}: put every row through its chat template, and exit with 1 where a thought is not whole in the loss mask`,
    )
    .option(
      '--licence <id>',
      'of the rows or the model, as the Hub calls it: mit, odc-by, … (default: unknown)',
    )
    .option('--title <text>', 'of the dataset (default: the name of the folder)')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner export runs/demo-quick-0 --format trl --style text --out sets/demo
  $ evalplanner export dpo.jsonl --format llama-factory --out sets/judge --tokenizer models/Qwen3-8B
  $ evalplanner export runs/judge --format openrlhf --parquet --out sets/judge --licence odc-by
  $ evalplanner export --model runs/judge/checkpoints/M2-DPO --push me/judge --private
  $ evalplanner export --model runs/judge/checkpoints/M2-DPO --to gguf --dtype q8_0 --out judge.gguf

Of a run those files are taken that trained the judge, as its ledger says: data/sft-1, data/dpo-1, data/dpo-2 and so on, kind
and round. README.md (and for LLaMA-Factory dataset_info.json) describes all that was exported into the folder;
evalplanner.json keeps it for the next export.`,
    )
    .action((sources: readonly string[], options) =>
      interruptible(async (signal) => {
        if ([options.model, options.push, options.to, options.dtype].every((given) => given === undefined)) {
          checkRows(sources, options);
          return (await import('./export.ts')).exportData(sources, options, signal);
        }
        checkModel(sources, options);
        if (options.push !== undefined) return (await import('./push.ts')).pushModel(options, signal);
        return (await import('./model.ts')).exportModel(options);
      }),
    );
}

type Given = Readonly<Record<string, unknown>>;

function checkRows(sources: readonly string[], { format, out }: Given): void {
  const lacks = [
    ...(sources.length === 0 ? ['SOURCES'] : []),
    ...(format === undefined ? ['--format'] : []),
    ...(out === undefined ? ['--out'] : []),
  ];
  if (lacks.length === 0) return;
  throw new EvalPlannerError(
    'usage',
    `rows are exported with ${lacks.join(' and ')}, which is missing`,
    'see `evalplanner export --help`',
  );
}

function checkModel(sources: readonly string[], { model, push, to, dtype, out }: Given): void {
  const sent = push !== undefined && to === undefined && dtype === undefined;
  const written = push === undefined && to !== undefined && out !== undefined;
  if (sources.length === 0 && model !== undefined && (sent || written)) return;
  throw new EvalPlannerError(
    'usage',
    sources.length > 0
      ? 'rows and a model are exported by commands of their own'
      : 'a model is sent with --model and --push, or written with --model, --to and --out',
    'give --model FOLDER --push OWNER/NAME, or --model FOLDER --to gguf --out FILE, and no sources',
  );
}

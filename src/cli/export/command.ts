import { type Command, Option } from 'commander';
import { EvalPlannerError } from '../../errors.ts';
import { EXPORT_FORMATS } from '../../exports/formats.ts';
import { interruptible } from '../interrupt.ts';

/** `evalplanner export` on the command line. */
export function exportCommand(evalplanner: Command): void {
  evalplanner
    .command('export')
    .description(
      'training rows as TRL, OpenRLHF, LLaMA-Factory or Together read them, with a dataset card; or with --model a checkpoint as other engines load it',
    )
    .argument(
      '[sources...]',
      "a run's folder, or files of rows {prompt, completion} or {prompt, chosen, rejected}",
    )
    .addOption(new Option('--format <trainer>', 'who reads them').choices(EXPORT_FORMATS))
    .requiredOption('--out <place>', 'the folder of the rows and their README.md, or where the model goes')
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
      '--tokenizer <folder>',
      "a model's folder: put every row through its chat template, and exit with 1 where a thought is not whole in the loss mask",
    )
    .option('--licence <id>', 'of the rows, as the Hub calls it: mit, odc-by, … (default: unknown)')
    .option('--title <text>', 'of the dataset (default: the name of the folder)')
    .addOption(
      new Option(
        '--model <name>',
        'no rows but a checkpoint, an adapter merged into its base: its folder, or gguf:FILE',
      ).conflicts(['format', 'parquet', 'tokenizer', 'licence', 'title']),
    )
    .addOption(
      new Option('--to <kind>', 'gguf: a file for llama.cpp; hf: a folder for vLLM and transformers').choices(
        ['gguf', 'hf'],
      ),
    )
    .addOption(
      new Option('--dtype <type>', 'of the matrices in a GGUF file (default: f16)').choices([
        'f32',
        'f16',
        'q8_0',
      ]),
    )
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ evalplanner export runs/demo-quick-0 --format trl --style text --out sets/demo
  $ evalplanner export dpo.jsonl --format llama-factory --out sets/judge --tokenizer models/Qwen3-8B
  $ evalplanner export runs/judge --format openrlhf --parquet --out sets/judge --licence odc-by
  $ evalplanner export --model runs/judge/checkpoints/M2-DPO --to gguf --dtype q8_0 --out judge.gguf

Of a run those files are taken that trained the judge, as its ledger says: data/sft-1, data/dpo-1, data/dpo-2 and so on, kind
and round. README.md (and for LLaMA-Factory dataset_info.json) describes all that was exported into the folder;
evalplanner.json keeps it for the next export.`,
    )
    .action((sources, { model, to, dtype, format, ...options }) =>
      interruptible(async (signal) => {
        if (model !== undefined && to !== undefined && sources.length === 0)
          return (await import('./model.ts')).exportModel({ ...options, model, to, dtype });
        if (model === undefined && to === undefined && dtype === undefined && sources.length > 0 && format)
          return (await import('./export.ts')).exportData(sources, { ...options, format }, signal);
        throw new EvalPlannerError(
          'usage',
          'this says neither which rows to export nor which model',
          'rows: evalplanner export RUN --format trl --out DIR; a model: evalplanner export --model DIR --to gguf --out FILE',
        );
      }),
    );
}

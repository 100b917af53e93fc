import type { TrainingRow } from './training-row.ts';

export type ExportFormat = 'trl' | 'openrlhf' | 'llama-factory' | 'together';

export const EXPORT_FORMATS: readonly ExportFormat[] = ['trl', 'openrlhf', 'llama-factory', 'together'];

/** `chat`: messages, which the trainer puts through the model's chat template. `text`: the texts as they stand, for models
 * without one. */
export type ExportStyle = 'chat' | 'text';

const user = (content: string) => [{ role: 'user', content }];
const assistant = (content: string) => [{ role: 'assistant', content }];

/** A row as TRL 1.x reads it: https://huggingface.co/docs/trl/dataset_formats. */
function trl(row: TrainingRow, style: ExportStyle): object {
  const [asked, said] =
    style === 'chat' ? [user, assistant] : [(text: string) => text, (text: string) => text];
  const prompt = asked(row.prompt);
  return row.kind === 'sft'
    ? { prompt, completion: said(row.completion) }
    : { prompt, chosen: said(row.chosen), rejected: said(row.rejected) };
}

/** As LLaMA-Factory reads it in its alpaca format: https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md. */
function llamaFactory(row: TrainingRow): object {
  const asked = { instruction: row.prompt, input: '' };
  return row.kind === 'sft'
    ? { ...asked, output: row.completion }
    : { ...asked, chosen: row.chosen, rejected: row.rejected };
}

/** As Together reads it: https://docs.together.ai/docs/fine-tuning/data-preparation. */
function together(row: TrainingRow): object {
  return row.kind === 'sft'
    ? { messages: [...user(row.prompt), ...assistant(row.completion)] }
    : {
        input: { messages: user(row.prompt) },
        preferred_output: assistant(row.chosen),
        non_preferred_output: assistant(row.rejected),
      };
}

/** The row as a trainer reads it. OpenRLHF joins the lists of messages that TRL takes, under the names that its
 * --data.prompt_key, chosen_key, rejected_key, input_key and output_key say. */
export function exportedRow(row: TrainingRow, format: ExportFormat, style: ExportStyle): object {
  if (format === 'llama-factory') return llamaFactory(row);
  return format === 'together' ? together(row) : trl(row, style);
}

/** An entry of LLaMA-Factory's dataset_info.json. */
export function datasetInfo(file: string, kind: TrainingRow['kind']): object {
  const columns = { prompt: 'instruction', query: 'input' };
  return kind === 'sft'
    ? { file_name: file, formatting: 'alpaca', columns: { ...columns, response: 'output' } }
    : {
        file_name: file,
        formatting: 'alpaca',
        ranking: true,
        columns: { ...columns, chosen: 'chosen', rejected: 'rejected' },
      };
}

/** How a trainer is told of the file, to paste; `entry`: what it is called in dataset_info.json. */
export function usage(
  format: ExportFormat,
  style: ExportStyle,
  file: string,
  kind: TrainingRow['kind'],
  entry: string,
): string {
  if (format === 'trl')
    return [
      'from datasets import load_dataset',
      `dataset = load_dataset("${file.endsWith('.parquet') ? 'parquet' : 'json'}", data_files=${JSON.stringify(file)}, split="train")`,
      kind === 'sft'
        ? '# SFTTrainer(…, train_dataset=dataset, args=SFTConfig(completion_only_loss=True))'
        : '# DPOTrainer(…, train_dataset=dataset)',
    ].join('\n');
  if (format === 'openrlhf') {
    // SFT would put a template of its own around texts.
    const template = style === 'chat' ? ' --data.apply_chat_template' : " --data.input_template '{}'";
    const keys =
      kind === 'sft'
        ? '--data.input_key prompt --data.output_key completion'
        : '--data.prompt_key prompt --data.chosen_key chosen --data.rejected_key rejected';
    return `deepspeed --module openrlhf.cli.train_${kind} --data.dataset ${file} ${keys}${template} … # 0.11; before it without "data."`;
  }
  if (format === 'llama-factory')
    return `llamafactory-cli train --stage ${kind} --dataset_dir . --dataset ${entry}${style === 'text' ? ' --template empty' : ''} …`;
  const method = kind === 'sft' ? 'train_on_inputs=False' : 'training_method="dpo"';
  return [
    `file = client.files.upload(file=${JSON.stringify(file)})`,
    `client.fine_tuning.create(training_file=file.id, ${method}, …)`,
  ].join('\n');
}

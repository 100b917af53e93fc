import type { ExportedFile } from './export.ts';
import { type ExportFormat, type ExportStyle, usage } from './formats.ts';
import type { TemplateCheck } from './template-check.ts';

/** A file of a dataset, and all that is known of it. */
export interface CardFile extends ExportedFile {
  readonly format: ExportFormat;
  readonly style: ExportStyle;
  /** An identifier of the Hub (`mit`, `odc-by`), or null: unknown. */
  readonly licence: string | null;
  /** How the rows came to be, a line each: name and value. */
  readonly made: readonly (readonly [string, string])[];
  readonly check?: TemplateCheck;
  /** What `evalplanner audit` says of the rows, as Markdown. */
  readonly audit?: string;
}

export interface Card {
  readonly title: string;
  readonly files: readonly CardFile[];
}

/** The README.md of a dataset, with the front matter that the Hugging Face Hub reads
 * (https://huggingface.co/docs/hub/datasets-cards). Names and values may be hostile: each is quoted for where it stands. */
export function cardText({ title, files }: Card): string {
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const licences = [...new Set(files.map(({ licence }) => licence))];
  const names = files.map(({ file }) => file);
  const front = [
    `license: ${licenceOf(licences)}`,
    `pretty_name: ${quoted(title)}`,
    'task_categories:\n- text-generation',
    'tags:\n- llm-as-a-judge\n- evalplanner\n- preference',
    `size_categories:\n- ${sizeCategory(rows)}`,
    `configs:\n${names
      .map(
        (file) =>
          `- config_name: ${quoted(entryName(file, names))}\n  data_files:\n  - split: train\n    path: ${quoted(file)}`,
      )
      .join('\n')}`,
  ];
  const table = files.map(({ file, kind, rows: own, bytes, verdicts, sha256 }) => {
    const { A, B, none } = verdicts;
    return `| ${cell(file)} | ${kind} | ${own} | ${bytes} | ${A} | ${B} | ${none} | \`${sha256.slice(0, 16)}\` |`;
  });
  const checks = files.flatMap(({ file, check }) => (check ? [checked(file, check)] : []));
  const audits = files.flatMap(({ file, audit }) =>
    audit === undefined ? [] : [`### ${inline(file)}\n\n${audit}`],
  );
  const sections = [
    `# ${inline(title)}`,
    'Training rows of an LLM judge that plans before it judges (EvalPlanner, [arXiv 2501.18099](https://arxiv.org/abs/2501.18099)): a ' +
      'prompt shows an instruction and two responses, a completion is a whole thought (plan, execution, verdict).',
    `| file | rows are | rows | bytes | verdict A | verdict B | neither | sha256 |\n|---|---|---:|---:|---:|---:|---:|---|\n${table.join('\n')}`,
    'The verdicts are those of the completions that are trained towards.',
    alike(files, ({ format, style }) => `Format: ${format}, ${STYLES[style]}.`),
    `## Use\n\n${files.map((file) => fenced(usage(file.format, file.style, file.file, file.kind, datasetName(file, files)))).join('\n\n')}`,
    ...(checks.length > 0 ? [`## Through the chat template\n\n${checks.join('\n')}`] : []),
    `## How it was made\n\n${alike(files, ({ made }) => made.map(([name, value]) => `- ${inline(name)}: ${inline(value)}`).join('\n'))}`,
    `## Licence\n\n${alike(files, ({ licence }) => (licence === null ? NO_LICENCE : inline(licence)))}`,
    ...(audits.length > 0 ? [`## Audit\n\n${audits.join('\n\n')}`] : []),
  ];
  return `---\n${front.join('\n')}\n---\n\n${sections.join('\n\n')}\n`;
}

/** What LLaMA-Factory calls a file among those that are exported for it. */
export function datasetName({ file, format }: CardFile, files: readonly CardFile[]): string {
  const alike = files.filter((other) => other.format === format);
  return entryName(
    file,
    alike.map((other) => other.file),
  );
}

/** A file's name without the extension, where no other file has that. */
function entryName(file: string, files: readonly string[]): string {
  const twins = files.filter((other) => bare(other) === bare(file));
  return twins.length > 1 ? file : bare(file);
}

/** What is said of every file alike once, else under the files it is said of. */
function alike(files: readonly CardFile[], say: (file: CardFile) => string): string {
  const groups = [...Map.groupBy(files, say)];
  if (groups.length === 1) return groups[0]?.[0] ?? '';
  return groups
    .map(([text, own]) => `${own.map(({ file }) => inline(file)).join(', ')}:\n\n${text}`)
    .join('\n\n');
}

const STYLES: Readonly<Record<ExportStyle, string>> = {
  chat: 'as messages, for the chat template of the model',
  text: 'as texts that stand for themselves, without a chat template',
};

const NO_LICENCE =
  'Unknown: nobody said under what licence the instructions, the responses and the model that wrote the thoughts may be passed on.';

/** Of files under several licences the Hub takes a list; one of an unknown one makes the whole unknown. */
function licenceOf(licences: readonly (string | null)[]): string {
  const known = licences.filter((licence) => licence !== null);
  if (known.length < licences.length || known.length === 0) return 'unknown';
  return known.length === 1
    ? quoted(known[0] as string)
    : `\n${known.map((one) => `- ${quoted(one)}`).join('\n')}`;
}

function checked(file: string, { completions, whole, longest, tokens, faults }: TemplateCheck): string {
  const rest = Object.entries(faults).map(([reason, n]) => `\n  - ${n}: ${inline(reason)}`);
  return (
    `- ${inline(file)}: ${whole} of ${completions} completions lie whole in the loss mask, with an end of turn behind them; ` +
    `the longest conversation has ${longest} tokens, all together ${tokens}.${rest.join('')}`
  );
}

/** A flow scalar of YAML: JSON strings are some. */
const quoted = (text: string) => JSON.stringify(text.replace(/[\u0085\u2028\u2029\ufeff]/g, ' '));
const bare = (file: string) => file.replace(/\.\w+$/, '');
const inline = (text: string) => text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|]/g, '\\$&');
const cell = inline;
const fenced = (text: string) => `\`\`\`\n${text.replace(/`{3,}/g, '')}\n\`\`\``;

/** Of the Hub: https://huggingface.co/docs/hub/datasets-cards. */
function sizeCategory(rows: number): string {
  const steps = ['1K', '10K', '100K', '1M', '10M', '100M', '1B'];
  const at = steps.findIndex((_, i) => rows < 10 ** (i + 3));
  if (at < 0) return 'n>1B';
  return at === 0 ? 'n<1K' : `${steps[at - 1]}<n<${steps[at]}`;
}

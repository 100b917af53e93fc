import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { AuditRow } from '../../audit/row.ts';
import { RowsAuditor } from '../../audit/rows.ts';
import { EvalPlannerError } from '../../errors.ts';
import type { CardFile } from '../../exports/card.ts';
import { auditMarkdown } from '../../exports/card-audit.ts';
import { type ExportedFile, exportRows } from '../../exports/export.ts';
import { describeExports, exportClaim, readExportFolder } from '../../exports/folder.ts';
import type { ExportFormat, ExportStyle } from '../../exports/formats.ts';
import type { Encode, RenderChat } from '../../exports/loss-mask.ts';
import { checkTemplate, newTemplateCheck, sumChecks } from '../../exports/template-check.ts';
import type { TrainingRow } from '../../exports/training-row.ts';
import { makeFolder, writeAtomically } from '../../files.ts';
import { openTokenizer } from '../../model/local/open-tokenizer.ts';
import { folderOf, inFolder } from '../../open/names.ts';
import { chatTemplate } from '../../prompts/chat-template.ts';
import { whole } from '../../report/format.ts';
import { readRows } from '../../rows/read.ts';
import { diskFailure } from '../../store/failure.ts';
import { keepSources } from '../output.ts';
import { print, printable } from '../terminal.ts';
import { givenBy, history } from './sources.ts';

export interface ExportCommand {
  readonly format: ExportFormat;
  readonly style: ExportStyle;
  readonly out: string;
  readonly parquet?: boolean;
  readonly tokenizer?: string;
  readonly licence?: string;
  readonly title?: string;
  readonly json?: boolean;
}

/** `evalplanner export`: training rows as another trainer reads them, and a card that says what they are. */
export async function exportData(
  sources: readonly string[],
  command: ExportCommand,
  signal: AbortSignal,
): Promise<void> {
  const { format, style, out, parquet, licence, title } = command;
  const given = sources.map(givenBy);
  const inputs = given.flatMap(({ files }) => files);
  const runs = given.flatMap(({ run }) => run ?? []);
  const extension = parquet ? 'parquet' : 'jsonl';
  const target = (input: string) => join(out, `${bare(input)}.${extension}`);
  checkTargets(inputs, target);
  const template = command.tokenizer === undefined ? null : await openTemplate(command.tokenizer, style);
  try {
    const names = inputs.map((input) => basename(target(input)));
    const found = await readExportFolder(out, names);
    makeFolder(out);
    const [claim, claimed] = exportClaim(found, names);
    await writeAtomically(join(out, claim), claimed);
    const made = await history(runs, inputs);
    const files: CardFile[] = [];
    for (const input of inputs) {
      const auditor = new RowsAuditor();
      const check = newTemplateCheck();
      const onRow = (row: TrainingRow) => {
        auditor.add(audited(row, input));
        if (template) checkTemplate(check, row, template.render, template.encode);
      };
      const file = await exportRows(readRows(input), target(input), { format, style, signal, onRow });
      files.push({
        ...file,
        format,
        style,
        licence: licence ?? null,
        made,
        ...(template ? { check } : {}),
        audit: auditMarkdown(auditor.report()),
      });
    }
    const named = title ?? (found.card ? null : basename(resolve(out)));
    const { texts, changed } = await describeExports(out, found, named, files);
    for (const [name, text] of texts) await writeAtomically(join(out, name), text);
    for (const name of changed)
      process.stderr.write(
        `note: ${printable(join(out, name))} is gone or was changed since its export: the card leaves it out\n`,
      );
    for (const { folder, finished } of runs)
      if (!finished)
        process.stderr.write(
          `note: ${printable(folder)} is not finished: this is what it has trained on so far\n`,
        );
    await report(files, command);
  } catch (error) {
    throw diskFailure(error, out);
  }
}

function audited(row: TrainingRow, at: string): AuditRow {
  const { kind, prompt } = row;
  return kind === 'sft'
    ? { kind: 'SFT row', at, prompt, chosen: row.completion, rejected: null, group: 'all' }
    : { kind: 'preference pair', at, prompt, chosen: row.chosen, rejected: row.rejected, group: 'all' };
}

const bare = (path: string) =>
  basename(path)
    .replace(/\.(?:gz|zst)$/i, '')
    .replace(/\.\w+$/, '');

function checkTargets(inputs: readonly string[], target: (input: string) => string): void {
  for (const [i, input] of inputs.entries()) {
    const file = target(input);
    const twin = inputs.slice(0, i).find((other) => target(other) === file);
    if (twin !== undefined)
      throw new EvalPlannerError(
        'usage',
        `${twin} and ${input} would both become ${file}`,
        'export them to folders of their own',
      );
    keepSources(inputs, file);
  }
}

/** The chat template and the tokenizer of a model's folder. */
async function openTemplate(
  name: string,
  style: ExportStyle,
): Promise<{ readonly render: RenderChat; readonly encode: Encode }> {
  if (style === 'text')
    throw new EvalPlannerError(
      'usage',
      '--tokenizer checks a chat template, and --style text has none',
      'leave one of them away',
    );
  const folder = folderOf(name, '--tokenizer needs');
  const files: Record<string, string> = {};
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja']) {
    const text = await readFile(join(folder, file), 'utf8').catch(() => null);
    if (text !== null) files[file] = text;
  }
  const tokenizer = await inFolder(name, folder, async () => openTokenizer(folder, files));
  const template = chatTemplate(files);
  if (!template.complete)
    throw new EvalPlannerError(
      'model',
      `${folder} has no chat template`,
      'export with --style text, or copy chat_template.jinja from the original model',
    );
  return {
    render(messages, openAnswer) {
      try {
        return template.render(messages, { add_generation_prompt: openAnswer });
      } catch (error) {
        // Of this row: the check counts it.
        throw new RangeError((error as Error).message);
      }
    },
    encode: (text) => tokenizer.encode(text),
  };
}

async function report(
  described: readonly CardFile[],
  { out, json, tokenizer }: ExportCommand,
): Promise<void> {
  const files = described.map(
    ({ file, kind, rows, bytes, sha256, verdicts }): ExportedFile => ({
      file,
      kind,
      rows,
      bytes,
      sha256,
      verdicts,
    }),
  );
  const check = tokenizer === undefined ? null : sumChecks(described.flatMap(({ check }) => check ?? []));
  const failed = check !== null && check.whole < check.completions;
  if (json) await print(`${JSON.stringify({ out, files, ...(check ? { check } : {}) }, null, 2)}\n`);
  else {
    const lines = files.map(
      ({ file, kind, rows, verdicts: { A, B, none } }) =>
        `${whole(rows).padStart(10)}  ${kind} rows in ${file}: verdict A ${whole(A)}, B ${whole(B)}${none > 0 ? `, neither ${whole(none)}` : ''}\n`,
    );
    const masked = check
      ? `${whole(check.whole).padStart(10)}  of ${whole(check.completions)} completions whole in the loss mask; the longest conversation has ${whole(check.longest)} tokens\n`
      : '';
    await print(printable(`${lines.join('')}${masked}`));
  }
  if (!failed) return;
  for (const [reason, n] of Object.entries(check.faults))
    process.stderr.write(`${whole(n)} completions: ${printable(reason)}\n`);
  process.stderr.write('fix: train with a chat template that shows the messages as they are\n');
  process.exitCode = 1;
}

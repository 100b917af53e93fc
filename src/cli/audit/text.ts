import { type ContaminationReport, remarks } from '../../audit/contamination.ts';
import type { LengthBias } from '../../audit/length.ts';
import type { RowsAudit } from '../../audit/rows.ts';
import type { RunAudit, VerdictCounts } from '../../audit/run.ts';
import { percent, range, whole } from '../../report/format.ts';
import { printable } from '../terminal.ts';
import type { Manifest } from './manifest.ts';

export interface AuditReport {
  readonly manifest: Manifest;
  readonly run: RunAudit | null;
  readonly rows: RowsAudit;
  /** Rows that were left out, each of them told on stderr: unreadable, or no row of training data. */
  readonly bad: number;
}

const share = (part: number, of: number) => (of === 0 ? '–' : `${percent(part / of)} %`);
const line = (name: string, text: string) => `  ${name.padEnd(22)} ${text}\n`;

function lengthText({ chosen, rejected, longerChosen, interval, lengthOnly }: LengthBias): string {
  return (
    line('length', `chosen ${whole(chosen)} characters, rejected ${whole(rejected)} (means)`) +
    line('', `the better text is the longer one in ${percent(longerChosen)} % (${range(interval)})`) +
    line('', `a judge that knows only "${lengthOnly.rule}" scores ${percent(lengthOnly.accuracy)} %`)
  );
}

function contaminationText(report: ContaminationReport): string {
  const { checked, rows, benchmarks, first } = report;
  const parts = [line('repeat a benchmark', `${whole(rows)} of ${whole(checked)}, ${share(rows, checked)}`)];
  for (const [name, { prompts, exact, ngram }] of Object.entries(benchmarks))
    parts.push(
      line(
        `  ${name}`,
        `${whole(exact)} exactly, ${whole(ngram)} by 13 words in a row; of ${whole(prompts)} prompts`,
      ),
    );
  for (const remark of remarks(report)) parts.push(line('', remark));
  for (const { at, found } of first.slice(0, 5))
    parts.push(
      `    ${at}: ${found.map(({ benchmark, id, kind, overlap }) => `${benchmark} ${id} (${kind}, ${percent(overlap)} %)`).join(', ')}\n`,
    );
  return parts.join('');
}

/** The audit of rows, for a terminal. */
export function auditText({ run, rows, bad, manifest }: AuditReport): string {
  const { verdicts, length, duplicates, contamination } = rows;
  const kinds = Object.entries(rows.kinds)
    .map(([kind, n]) => `${whole(n)} ${kind}s`)
    .join(', ');
  const groups = Object.entries(rows.groups).sort((a, b) => b[1] - a[1]);
  const parts = [
    `Training rows: ${rows.rows === 0 ? 'none' : kinds}\n`,
    bad > 0 ? line('left out', whole(bad)) : '',
    groups.length > 1
      ? line(
          'kinds',
          groups
            .slice(0, 8)
            .map(([name, n]) => `${name} ${share(n, rows.rows)}`)
            .join(', '),
        )
      : '',
    verdicts
      ? line(
          'verdicts',
          `A ${percent(verdicts.shareA)} % of A and B (${range(verdicts.interval)}); neither ${whole(verdicts.neither)}`,
        )
      : '',
    length ? lengthText(length) : '',
    rows.rows > 0
      ? line(
          'prompts seen before',
          `exactly ${share(duplicates.exact, rows.rows)}, nearly ${share(duplicates.near, rows.rows)}`,
        )
      : '',
  ];
  if (contamination) parts.push(contaminationText(contamination));
  else if (run === null)
    parts.push(line('repeat a benchmark', 'not looked for: name a folder of them with --benchmarks'));
  parts.push(line('licence', manifest.licence));
  return printable(parts.join(''));
}

function countsText({ outputs, verdicts, correct, byOrder }: VerdictCounts): string {
  const neither = (['tie', 'invalid', 'truncated', 'refused', 'error'] as const)
    .filter((kind) => verdicts[kind])
    .map((kind) => `${kind} ${share(verdicts[kind] ?? 0, outputs)}`);
  const order = (name: 'ab' | 'ba') => `${name} ${share(byOrder[name].correct, byOrder[name].outputs)}`;
  const rest = neither.length > 0 ? `; ${neither.join(', ')}` : '';
  return `${whole(outputs)}, right ${share(correct, outputs)} (${order('ab')}, ${order('ba')})${rest}`;
}

/** The audit of a run's ledger, for a terminal. */
export function runText({ pairs, leaked, contamination, thoughts, preferences, judges }: RunAudit): string {
  const parts: string[] = [];
  for (const [split, { groups, length }] of Object.entries(pairs)) {
    const n = Object.values(groups).reduce((a, b) => a + b, 0);
    parts.push(`Response pairs of ${split}: ${whole(n)}\n`);
    if (length) parts.push(lengthText(length));
  }
  parts.push(`Held-out instructions that occur in training: ${whole(leaked)}\n`);
  if (contamination) parts.push('Training instructions\n', contaminationText(contamination));
  for (const [round, counts] of Object.entries(thoughts)) {
    const { plans, wrong, planEffect } = counts.plans;
    parts.push(`Thoughts of round ${round}\n`, line('thoughts', countsText(counts)));
    const all = plans.alwaysRight + plans.mixed + plans.neverRight;
    parts.push(
      line(
        'plans',
        `always right ${share(plans.alwaysRight, all)}, sometimes ${share(plans.mixed, all)}, never ${share(plans.neverRight, all)}`,
      ),
    );
    parts.push(
      line(
        'wrong thoughts',
        `the plan fails ${share(wrong.planFails, wrong.thoughts)}, its execution ${share(wrong.executionFails, wrong.thoughts)}`,
      ),
    );
    if (planEffect !== null)
      parts.push(line('effect of the plan', `${planEffect.toFixed(2)} (1: it decides, 0: any is as good)`));
  }
  for (const [round, { length, A, B }] of Object.entries(preferences)) {
    parts.push(
      `Preference pairs of round ${round}\n`,
      line('chosen verdicts', `A ${whole(A)}, B ${whole(B)}`),
    );
    if (length) parts.push(lengthText(length));
  }
  for (const [name, counts] of Object.entries(judges))
    parts.push(`${name} judged\n`, line('verdicts', countsText(counts)));
  return printable(parts.join(''));
}

import type { RowsAudit } from '../audit/rows.ts';

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** What the audit of a file says that a reader of its card should know, as a list of Markdown. */
export function auditMarkdown({ rows, verdicts, length, duplicates }: RowsAudit): string {
  const lines = [
    verdicts
      ? `verdict A in ${percent(verdicts.shareA)} of those that say A or B (95 % interval ${verdicts.interval.map(percent).join(' to ')})`
      : 'no completion says A or B',
  ];
  if (length) {
    const { chosen, rejected, longerChosen, interval, lengthOnly } = length;
    lines.push(
      `the chosen text is the longer one in ${percent(longerChosen)} (${interval.map(percent).join(' to ')}); means of ` +
        `${Math.round(chosen)} and ${Math.round(rejected)} characters`,
      `a judge that knows nothing but length (“${lengthOnly.rule}”) tells chosen from rejected in ${percent(lengthOnly.accuracy)}`,
    );
  }
  lines.push(
    `rows whose prompt an earlier row has, too (as all preference pairs of one prompt but the first): ${percent(duplicates.exact / rows)} exactly, ${percent(duplicates.near / rows)} nearly`,
  );
  return lines.map((line) => `- ${line}`).join('\n');
}

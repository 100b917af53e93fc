import { styleText } from 'node:util';
import type { Scores } from '../../metrics.ts';
import { percent, range } from '../format.ts';
import { DOMAINS, isControl } from './headline.ts';
import type { Report, StageScores } from './report.ts';

export interface TableOptions {
  readonly columns: number;
  readonly colour: boolean;
}

/** How a stream wants its table: its width (80 where there is no terminal), and colour only on a terminal whose user
 * has not said NO_COLOR (https://no-color.org: set and not empty). */
export function tableOptions(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  environment: Readonly<Record<string, string | undefined>> = process.env,
): TableOptions {
  const terminal = stream.isTTY === true;
  return { columns: (terminal && stream.columns) || 80, colour: terminal && !environment.NO_COLOR };
}

const NAME = 10;
const WIDE = 80;
const LEGEND = [
  'acc: verdicts that name the better response, over both orders · both: pairs',
  'right in both orders · same: orders that agree · inv: verdicts neither A nor B',
];

/** The scores of every stage in percent, one line each in 80 columns; stacked in a narrower terminal. */
export function renderTable(report: Report, { columns, colour }: TableOptions): string {
  const paint = (style: 'bold' | 'dim', text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const wide = columns >= WIDE;
  const head = wide ? [title(), header()].map((line) => paint('bold', line.trimEnd())) : [];
  const last = report.stages.findLast(({ name }) => !isControl(name));
  const body = report.stages.flatMap((stage, i) => {
    const previous = report.stages[i - 1];
    const gap = isControl(stage.name) && previous !== undefined && !isControl(previous.name) ? [''] : [];
    const lines = wide ? [line(stage)] : stacked(stage);
    if (stage === last) return [...gap, ...lines.map((text) => paint('bold', text))];
    return [...gap, ...lines.map((text) => (isControl(stage.name) ? paint('dim', text) : text))];
  });
  const legend = wide ? ['', ...LEGEND.map((text) => paint('dim', text))] : [];
  return `${[...head, ...body, ...legend].join('\n')}\n`;
}

function title(): string {
  return ' '.repeat(NAME) + DOMAINS.map((domain) => `  ${domain}`.padEnd(35)).join('');
}

function header(): string {
  return 'judge'.padEnd(NAME) + DOMAINS.map(() => '  acc 95% range    both  same  inv ').join('');
}

function line({ name, ...domains }: StageScores): string {
  return (name.padEnd(NAME) + DOMAINS.map((domain) => cells(domains[domain])).join('')).trimEnd();
}

/** 35 columns, also when everything is 100 %: ` 52.3 46.6–57.9    21.3  42.0  0.5 `. */
function cells({ accuracy, bothOrders, consistency, invalid, intervals }: Scores): string {
  const number = (share: number, width: number) => percent(share).padStart(width);
  const inv = invalid > 0.9994 ? '100'.padStart(5) : number(invalid, 5);
  const interval = range(intervals.accuracy).padEnd(11);
  return `${number(accuracy, 5)} ${interval}${number(bothOrders, 6)}${number(consistency, 6)}${inv} `;
}

/** At most 36 columns. */
function stacked({ name, ...domains }: StageScores): string[] {
  return [
    name,
    ...DOMAINS.flatMap((domain) => {
      const { accuracy, bothOrders, consistency, intervals } = domains[domain];
      return [
        `  ${domain.padEnd(8)} ${percent(accuracy).padStart(5)} (${range(intervals.accuracy)})`,
        `${' '.repeat(11)}both ${percent(bothOrders)}, same ${percent(consistency)}`,
      ];
    }),
  ];
}

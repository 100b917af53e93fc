import { styleText } from 'node:util';
import type { Scores } from '../../metrics.ts';
import { percent, range } from '../format.ts';
import { cut } from './by-source.ts';
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

const WIDE = 80;
/** Columns of a source's figures, and the least of the judges' names before them. */
const CELLS = 35;
const NAME = 10;
const LEGEND = [
  'acc: verdicts that name the better response, over both orders · both: pairs',
  'right in both orders · same: orders that agree · inv: verdicts neither A nor B',
];

/** The scores of every judge in percent. A line for each judge, with as many sources beside each other as there is room for, two in
 * 80 columns, and the others in blocks below; stacked in a narrower terminal. */
export function renderTable(report: Report, { columns, colour }: TableOptions): string {
  const paint = (style: 'bold' | 'dim', text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const last = report.stages.findLast(({ control }) => !control);
  const rows = (linesOf: (stage: StageScores) => string[]) =>
    report.stages.flatMap((stage, i) => {
      const previous = report.stages[i - 1];
      const gap = stage.control && previous !== undefined && !previous.control ? [''] : [];
      const style = stage === last ? 'bold' : stage.control ? 'dim' : null;
      return [...gap, ...linesOf(stage).map((text) => (style ? paint(style, text) : text))];
    });
  if (report.stages.length === 0) return 'This run has no scores yet.\n';
  if (columns < WIDE) return `${rows((stage) => stacked(stage, report.sources, columns)).join('\n')}\n`;
  const longest = Math.max(0, ...report.stages.map(({ name }) => name.length));
  const width = Math.min(Math.max(NAME, longest + 1), columns - CELLS);
  const blocks = inParts(report.sources, Math.floor((columns - width) / CELLS)).map((sources) => [
    ...[title(sources, width), header(sources, width)].map((text) => paint('bold', text)),
    ...rows((stage) => [line(stage, sources, width)]),
    '',
  ]);
  return `${[...blocks.flat(), ...benchmarks(report), ...LEGEND.map((text) => paint('dim', text))].join('\n')}\n`;
}

/** A line for each benchmark that was played. */
function benchmarks({ stages }: Report): string[] {
  const played = stages.flatMap(({ name, benchmarks: own = {} }) =>
    Object.entries(own).map(([benchmark, { score, interval, pairs }]) => ({
      name,
      benchmark,
      score,
      interval,
      pairs,
    })),
  );
  if (played.length === 0) return [];
  const groups = Map.groupBy(played, ({ benchmark }) => benchmark);
  const told = [...groups].map(([benchmark, own]) => {
    const judges = own.map(
      ({ name, score, interval: [low, high] }) =>
        `${fit(name, 40)} ${percent(score)} (${range([low, high])})`,
    );
    return `${fit(benchmark, 40)}, ${own[0]?.pairs} pairs: ${judges.join(' · ')}`;
  });
  return [...told, ''];
}

function inParts<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) =>
    list.slice(i * size, (i + 1) * size),
  );
}

/** Names come from a config or a file: nothing in one may move the cursor. */
function fit(name: string, length: number): string {
  return cut(name.replace(/\p{C}/gu, '·'), length);
}

function title(sources: readonly string[], width: number): string {
  return (
    ' '.repeat(width) + sources.map((source) => `  ${fit(source, CELLS - 3)}`.padEnd(CELLS)).join('')
  ).trimEnd();
}

function header(sources: readonly string[], width: number): string {
  return (
    'judge'.padEnd(width) + sources.map(() => '  acc 95% range    both  same  inv ').join('')
  ).trimEnd();
}

function line({ name, sets }: StageScores, sources: readonly string[], width: number): string {
  const figures = sources.map((source) => {
    const own = sets[source];
    return own === undefined ? ' '.repeat(CELLS) : cells(own);
  });
  return (fit(name, width - 1).padEnd(width) + figures.join('')).trimEnd();
}

/** 35 columns, also when everything is 100 %: ` 52.3 46.6–57.9    21.3  42.0  0.5 `. */
function cells({ accuracy, bothOrders, consistency, invalid, intervals }: Scores): string {
  const number = (share: number, width: number) => percent(share).padStart(width);
  const inv = invalid > 0.9994 ? '100'.padStart(5) : number(invalid, 5);
  const interval = range(intervals.accuracy).padEnd(11);
  return `${number(accuracy, 5)} ${interval}${number(bothOrders, 6)}${number(consistency, 6)}${inv} `;
}

/** At most 36 columns, more only where the terminal has them and a source's name is long. */
function stacked({ name, sets }: StageScores, sources: readonly string[], columns: number): string[] {
  const longest = Math.max(...sources.map((source) => source.length));
  const width = Math.max(8, Math.min(longest, columns - 25));
  return [
    fit(name, Math.max(36, columns)),
    ...sources.flatMap((source) => {
      const own = sets[source];
      if (own === undefined) return [];
      const { accuracy, bothOrders, consistency, intervals } = own;
      return [
        `  ${fit(source, width).padEnd(width)} ${percent(accuracy).padStart(5)} (${range(intervals.accuracy)})`,
        `${' '.repeat(width + 3)}both ${percent(bothOrders)}, same ${percent(consistency)}`,
      ];
    }),
  ];
}

import { styleText } from 'node:util';
import type { Score } from '../benchmarks/benchmark.ts';
import type { Effort } from '../benchmarks/effort.ts';
import type { BenchmarkScore } from '../benchmarks/score.ts';
import type { BenchmarkResult } from './benchmark-report.ts';
import { duration, money, percent, range, signedNumber, whole } from './format.ts';
import type { TableOptions } from './table.ts';
import { wrap } from './wrap.ts';

const NAME = 24;

/** A judge's result on one benchmark, for a terminal of any width. */
export function renderBenchmark(score: BenchmarkResult, { columns, colour }: TableOptions): string {
  const bold = (text: string) => (colour ? styleText('bold', text, { validateStream: false }) : text);
  const dim = (text: string) => (colour ? styleText('dim', text, { validateStream: false }) : text);
  const line = (name: string, value: string, note = '') =>
    `  ${name.padEnd(NAME)}${value.padStart(5)}${note && `  ${note}`}`.trimEnd();
  const { official, shares, conventions, intervals, length, style, effort, published } = score;
  const part = ({ name, score: own, pairs }: Score, depth: number) =>
    // A section may be called anything in a file of one's own.
    `  ${`${'  '.repeat(depth)}${name.replace(/\p{C}/gu, '')}`.padEnd(NAME)}${percent(own).padStart(5)}  ${pairs} ${pairs === 1 ? 'pair' : 'pairs'}`;
  const parts = (of: Score, depth: number): string[] =>
    (of.parts ?? []).flatMap((own) => [part(own, depth), ...parts(own, depth + 1)]);
  const neither = Object.entries(shares).filter(([, share]) => share > 0);
  const lines = [
    bold(`${score.title}: ${percent(official.score)} (95 % ${range(official.interval)})`),
    ...wrap(`Official protocol: ${score.protocol}.`, columns).map(dim),
    ...parts(official, 0),
    ...missing(score),
    '',
    line(
      'every order judged',
      percent(score.accuracy),
      `95 % ${range(intervals.accuracy)}, ${score.judged} pairs`,
    ),
    ...(score.bothOrders === null || intervals.bothOrders === null
      ? [line('both orders right', '–', 'no pair was judged in both orders')]
      : [
          line(
            'both orders right',
            percent(score.bothOrders),
            `95 % ${range(intervals.bothOrders)}, ${score.twice} pairs`,
          ),
          line('flips with the order', percent(score.flipRate ?? 0)),
        ]),
    line('names the first slot', percent(score.firstSlot)),
    line(
      'neither A nor B',
      percent(1 - decided(score)),
      neither.map(([kind, share]) => `${kind} ${percent(share)}`).join(' · '),
    ),
    ...(neither.length === 0
      ? []
      : [
          line('  counted one half', percent(conventions.half), `95 % ${range(intervals.half)}`),
          line('  counted wrong', percent(conventions.wrong), `95 % ${range(intervals.accuracy)}`),
          ...(conventions.dropped === null || intervals.dropped === null
            ? [line('  left out', '–', 'no verdict names a response')]
            : [line('  left out', percent(conventions.dropped), `95 % ${range(intervals.dropped)}`)]),
        ]),
    line(
      'at equal length',
      percent(length.accuracyAtEqualLength),
      `95 % ${range(length.interval)}, log-odds of length ${signedNumber(length.coefficient)}`,
    ),
    line('at equal style', percent(style.accuracyAtEqualStyle), `95 % ${range(style.interval)}`),
    line('longer is better', percent(length.longerIsBetter), 'what naming the longer response would score'),
    ...(effort === null ? [] : spent(effort)),
    ...(published.length === 0 ? [] : ['', dim('Published, each under its own protocol:')]),
    ...published.map(({ judge, scores, protocol, source }) =>
      dim(
        `  ${judge.padEnd(NAME + 4)}${percent(scores.overall as number).padStart(5)}  ${protocol} (${source})`,
      ),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function spent({ generations, asked, promptTokens, completionTokens, cost, seconds }: Effort): string[] {
  const stored = asked < generations ? `, ${whole(generations - asked)} of them stored before` : '';
  const paid = cost === null ? '' : ` · cost ${money(cost)}`;
  return [
    '',
    `  ${whole(generations)} generations${stored}`,
    `  ${whole(promptTokens)} tokens read, ${whole(completionTokens)} written${paid} · ${duration(seconds)}`,
  ];
}

const decided = ({ shares }: BenchmarkScore) =>
  1 - Object.values(shares).reduce((sum, share) => sum + share, 0);

function missing({ judged, pairs, incomplete }: BenchmarkScore): string[] {
  const unjudged =
    judged < pairs ? [`  ${pairs - judged} of ${pairs} pairs have no verdict and are left out`] : [];
  const sections = incomplete.map(
    ({ section, judged: own, published }) => `${section} ${own} of ${published}`,
  );
  return sections.length === 0
    ? unjudged
    : [
        ...unjudged,
        `  not the whole benchmark, and so not comparable with published scores: ${sections.join(', ')}`,
      ];
}

/** The same as a Markdown table, for pasting. */
export function benchmarkMarkdown(scores: readonly BenchmarkScore[]): string {
  const rows = scores.map(({ title, official, bothOrders, flipRate, firstSlot, shares, judged }) => {
    const neither = Object.values(shares).reduce((sum, share) => sum + share, 0);
    const both = bothOrders === null ? '–' : percent(bothOrders);
    const flips = flipRate === null ? '–' : percent(flipRate);
    return `| ${title} | ${judged} | ${percent(official.score)} (${range(official.interval)}) | ${both} | ${flips} | ${percent(firstSlot)} | ${percent(neither)} |`;
  });
  return `${[
    '| benchmark | pairs | official (95 %) | both orders | flips | first slot | neither |',
    '|---|---:|---|---:|---:|---:|---:|',
    ...rows,
  ].join('\n')}\n`;
}

import type { BenchmarkScore } from '../../benchmarks/score.ts';
import { counted, orDash, percent, range, whole } from '../format.ts';
import type { TableOptions } from '../run/table.ts';
import { Lines } from './lines.ts';
import type { BenchmarkResult } from './report.ts';

/** A judge's result on one benchmark, for a terminal of any width. */
export function renderBenchmark(score: BenchmarkResult, options: TableOptions): string {
  const lines = new Lines(options);
  const { official, shares, conventions, intervals, length, style, effort, published } = score;
  const neither = Object.entries(shares).filter(([, share]) => share > 0);
  return `${[
    lines.bold(`${score.title}: ${percent(official.score)} (95 % ${range(official.interval)})`),
    lines.faint(`Official protocol: ${score.protocol}.`),
    ...lines.parts(official, 'pair'),
    ...missing(score).map((text) => lines.text(text, 2)),
    '',
    lines.figure(
      'every order judged',
      percent(score.accuracy),
      `95 % ${range(intervals.accuracy)}, ${counted(score.judged, 'pair')}`,
    ),
    ...(score.bothOrders === null || intervals.bothOrders === null
      ? [lines.figure('both orders right', '–', 'no pair was judged in both orders')]
      : [
          lines.figure(
            'both orders right',
            percent(score.bothOrders),
            `95 % ${range(intervals.bothOrders)}, ${counted(score.twice, 'pair')}`,
          ),
          lines.figure('flips with the order', percent(score.flipRate ?? 0)),
        ]),
    score.firstSlot === null
      ? lines.figure('names the first slot', '–', 'no verdict names a slot')
      : lines.figure('names the first slot', percent(score.firstSlot)),
    lines.figure(
      'neither A nor B',
      percent(1 - decided(score)),
      neither.map(([kind, share]) => `${kind} ${percent(share)}`).join(' · '),
    ),
    ...(neither.length === 0
      ? []
      : [
          lines.figure('  counted one half', percent(conventions.half), `95 % ${range(intervals.half)}`),
          lines.figure('  counted wrong', percent(conventions.wrong), `95 % ${range(intervals.accuracy)}`),
          ...(conventions.dropped === null || intervals.dropped === null
            ? [lines.figure('  left out', '–', 'no verdict names a response')]
            : [lines.figure('  left out', percent(conventions.dropped), `95 % ${range(intervals.dropped)}`)]),
        ]),
    ...lines.control(length, style, ['longer is better', 'what naming the longer response would score']),
    ...(effort === null ? [] : lines.spent(effort)),
    ...lines.published(published),
  ].join('\n')}\n`;
}

const decided = ({ shares }: BenchmarkScore) =>
  1 - Object.values(shares).reduce((sum, share) => sum + share, 0);

function missing({ judged, pairs, incomplete }: BenchmarkScore): string[] {
  const sections = incomplete.map(
    ({ section, judged: own, published }) => `${section} ${own} of ${published}`,
  );
  return [
    ...(judged < pairs
      ? [`left out without a verdict: ${whole(pairs - judged)} of ${counted(pairs, 'pair')}`]
      : []),
    ...(sections.length === 0
      ? []
      : [`not the whole benchmark, and so not comparable with published scores: ${sections.join(', ')}`]),
  ];
}

/** The same as a Markdown table, for pasting. */
export function benchmarkMarkdown(scores: readonly BenchmarkScore[]): string {
  const rows = scores.map(({ title, official, bothOrders, flipRate, firstSlot, shares, judged }) => {
    const neither = Object.values(shares).reduce((sum, share) => sum + share, 0);
    const [both, flips, first] = [bothOrders, flipRate, firstSlot].map(orDash);
    return `| ${title} | ${judged} | ${percent(official.score)} (${range(official.interval)}) | ${both} | ${flips} | ${first} | ${percent(neither)} |`;
  });
  return `${[
    '| benchmark | pairs | official (95 %) | both orders | flips | first slot | neither |',
    '|---|---:|---|---:|---:|---:|---:|',
    ...rows,
  ].join('\n')}\n`;
}

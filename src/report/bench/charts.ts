import type { LengthControl } from '../../benchmarks/length.ts';
import { sigmoid } from '../../benchmarks/logistic.ts';
import type { RatedScore } from '../../benchmarks/resample.ts';
import { type FlipMatrix, SAID } from '../../benchmarks/score.ts';
import { counted, percent, range, whole } from '../format.ts';
import { type Html, html } from '../html.ts';

// Sizes are in the units of each chart's viewBox; the page scales it to its column.
const WIDTH = 460;
const LABEL = 168;
const VALUE = 40;
const ROW = 24;
const TOP = 24;
/** Longer names are cut in the chart; the table has them whole. */
const NAME = 24;

interface Row {
  readonly score: RatedScore;
  readonly depth: number;
}

/** Lines of the chart of a score. */
export function partsCount(official: RatedScore): number {
  return rowsOf(official).length;
}

function rowsOf(score: RatedScore, depth = 0): Row[] {
  return [{ score, depth }, ...(score.parts ?? []).flatMap((part) => rowsOf(part, depth + 1))];
}

/** The official score, its sections and their subsets: a dot each, with its 95 % interval; the dashed line is chance. */
export function partsChart(official: RatedScore, chance: number | null = 0.5): Html {
  const rows = rowsOf(official);
  const bounds = rows.flatMap(({ score }) => score.interval);
  const low = Math.max(0, Math.floor(Math.min(0.4, chance ?? 0.4, ...bounds) * 5) / 5);
  const x = (share: number) =>
    round(LABEL + 8 + ((Math.min(1, share) - low) / (1 - low)) * (WIDTH - LABEL - VALUE - 20));
  const tops: number[] = [];
  let at = TOP + 14;
  for (const [i, { depth, score }] of rows.entries()) {
    // A section stands off from what is above it, where sections have subsets.
    if (i > 0 && depth === 1 && (score.parts?.length ?? 0) > 0) at += 8;
    if (i === 1) at += 8;
    tops.push(at);
    at += ROW;
  }
  const bottom = at - 6;
  const ticks = Array.from({ length: Math.round((1 - low) * 5) + 1 }, (_, i) => low + i / 5);
  return html`<svg class="chart parts" viewBox="0 0 ${WIDTH} ${bottom + 4}" role="img"
    aria-label="Official score by section: ${rows.map(({ score }) => `${score.name} ${percent(score.score)}%`).join(', ')}">
  ${ticks.map((tick) => {
    return html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}" y2="${bottom}"/>${tickLabel(
      x(tick),
      14,
      String(Math.round(tick * 100)),
    )}`;
  })}
  ${
    chance === null
      ? ''
      : html`<line class="chance" x1="${x(chance)}" x2="${x(chance)}" y1="${TOP}" y2="${bottom}"/>`
  }
  ${rows.map(({ score, depth }, i) => {
    const y = tops[i] as number;
    const { interval } = score;
    return html`<g class="part depth-${Math.min(depth, 2)}">
    <title>${score.name}: ${percent(score.score)}% (${range(interval)}), ${whole(score.pairs)} judged</title>
    <text class="name" x="${depth === 2 ? 10 : 0}" y="${y + 4}">${shorter(score.name)}</text>
    <line class="interval" x1="${x(interval[0])}" x2="${x(interval[1])}" y1="${y}" y2="${y}"/>
    <circle class="dot" cx="${x(score.score)}" cy="${y}" r="${depth === 0 ? 6 : depth === 1 ? 5 : 3.5}"/>
    <text class="value" x="${WIDTH}" y="${y + 4}" text-anchor="end">${percent(score.score)}</text></g>`;
  })}
</svg>`;
}

function shorter(name: string): string {
  const characters = [...name];
  return characters.length > NAME ? `${characters.slice(0, NAME - 1).join('')}…` : name;
}

function tickLabel(x: number, y: number, text: string): Html {
  return html`<text class="tick" x="${x}" y="${y}" text-anchor="middle">${text}</text>`;
}

const CELL = { width: 92, height: 58, left: 96, top: 50 };
const KINDS: Readonly<Record<string, readonly [kind: string, meaning: string]>> = {
  'A B': ['both-right', 'both right'],
  'B A': ['both-wrong', 'both wrong'],
  'A A': ['slot', 'always the first'],
  'B B': ['slot', 'always the second'],
};

/** The verdicts of both orders against each other: a judge without a pull of place has its pairs in two corners. */
export function flipChart(flips: FlipMatrix, pairs: number): Html {
  const { width, height, left, top } = CELL;
  const [w, h] = [left + 3 * width, top + 3 * height];
  const most = Math.max(1, ...SAID.flatMap((row) => SAID.map((column) => flips[row][column])));
  const word = (said: string) => (said === 'neither' ? 'neither' : `says ${said}`);
  const summary = SAID.flatMap((row) => SAID.map((column) => `${row}/${column} ${flips[row][column]}`));
  return html`<svg class="chart flips" viewBox="0 0 ${w} ${h}" role="img"
    aria-label="Verdicts with the better response shown first / second, pairs: ${summary.join(', ')}">
  <text class="tick" x="${left + 1.5 * width}" y="14" text-anchor="middle">better response shown second</text>
  <text class="tick" x="0" y="38">shown first</text>
  ${SAID.map(
    (column, j) =>
      html`<text class="name" x="${left + (j + 0.5) * width}" y="38" text-anchor="middle">${word(column)}</text>`,
  )}
  ${SAID.map((row, i) => {
    const y = top + i * height;
    return html`<text class="name" x="0" y="${y + height / 2 + 4}">${word(row)}</text>${SAID.map(
      (column, j) => {
        const count = flips[row][column];
        const [kind, meaning] = KINDS[`${row} ${column}`] ?? ['other', ''];
        const x = left + j * width;
        return html`<g class="cell ${kind}">
      <title>${meaning === '' ? `${word(row)}, then ${word(column)}` : meaning}: ${whole(count)} of ${counted(pairs, 'pair')}</title>
      <rect class="ground" x="${x + 2}" y="${y + 2}" width="${width - 4}" height="${height - 4}" rx="6"/>
      <rect class="fill" x="${x + 2}" y="${y + 2}" width="${width - 4}" height="${height - 4}" rx="6" fill-opacity="${round((count / most) * 6) / 10}"/>
      <text class="value" x="${x + width / 2}" y="${y + (meaning === '' ? height / 2 + 5 : 27)}" text-anchor="middle">${percent(count / Math.max(1, pairs))}</text>
      ${meaning === '' ? '' : html`<text class="tick" x="${x + width / 2}" y="${y + 44}" text-anchor="middle">${meaning}</text>`}</g>`;
      },
    )}`;
  })}
</svg>`;
}

const PLOT = { width: 460, height: 230, left: 34, right: 14, top: 12, bottom: 40 };
const POINTS = 80;

/** What the fit says of pairs, by how much longer the better response is. */
export function pairCurve({ spread, coefficient, accuracyAtEqualLength }: LengthControl) {
  const equal = Math.min(1 - 1e-9, Math.max(1e-9, accuracyAtEqualLength));
  const intercept = Math.log(equal / (1 - equal));
  return (difference: number) => sigmoid(intercept + coefficient * Math.tanh(difference / spread));
}

/** Accuracy by how much longer the better response is: fifths as dots with intervals, and the fit as a line where it is a function
 * of that alone; the dashed line is chance. */
export function lengthChart(
  { fifths, spread }: LengthControl,
  chance: number,
  curve: ((difference: number) => number) | null = null,
): Html {
  const { width, height, left, right, top, bottom } = PLOT;
  const reach = Math.max(...fifths.map(({ median }) => Math.abs(median)), spread) * 1.15;
  const x = (difference: number) => round(left + ((difference / reach + 1) / 2) * (width - left - right));
  const y = (share: number) => round(top + (1 - share) * (height - top - bottom));
  const line = Array.from({ length: curve === null ? 0 : POINTS + 1 }, (_, i) => {
    const difference = ((2 * i) / POINTS - 1) * reach;
    return `${x(difference)},${y(curve?.(difference) ?? 0)}`;
  });
  const step = nice(reach);
  const marks = [-2, -1, 0, 1, 2].map((n) => n * step).filter((mark) => Math.abs(mark) <= reach);
  return html`<svg class="chart length" viewBox="0 0 ${width} ${height}" role="img" aria-label="Accuracy by length difference: ${fifths
    .map(({ from, to, accuracy }) => `${signed(from)} to ${signed(to)} characters ${percent(accuracy)}%`)
    .join(', ')}">
  ${[0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      html`<line class="grid" x1="${left}" x2="${width - right}" y1="${y(share)}" y2="${y(share)}"/><text
      class="tick" x="${left - 6}" y="${y(share) + 3.5}" text-anchor="end">${share * 100}</text>`,
  )}
  <line class="chance" x1="${left}" x2="${width - right}" y1="${y(chance)}" y2="${y(chance)}"/>
  <line class="grid" x1="${x(0)}" x2="${x(0)}" y1="${top}" y2="${height - bottom}"/>
  ${marks.map((mark) => tickLabel(x(mark), height - bottom + 16, signed(mark)))}
  <text class="tick" x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">characters more in the better response</text>
  ${curve === null ? '' : html`<polyline class="line line-0" points="${line.join(' ')}"/>`}
  ${fifths.map(
    ({ from, to, median, accuracy, interval, verdicts }) =>
      html`<g class="fifth"><title>${signed(from)} to ${signed(to)} characters: ${percent(accuracy)}% (${range(interval)}), ${counted(verdicts, 'verdict')}</title>
    <line class="interval" x1="${x(median)}" x2="${x(median)}" y1="${y(interval[0])}" y2="${y(interval[1])}"/>
    <circle class="dot" cx="${x(median)}" cy="${y(accuracy)}" r="5"/></g>`,
  )}
</svg>`;
}

/** At most half of the reach, and 1, 2 or 5 times a power of ten. */
function nice(reach: number): number {
  const power = 10 ** Math.floor(Math.log10(reach / 2));
  return ([5, 2, 1].find((factor) => factor * power <= reach / 2) ?? 1) * power;
}

function signed(value: number): string {
  return value === 0 ? '0' : `${value < 0 ? '−' : '+'}${whole(Math.abs(value))}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

import type { TrainStep } from '../../trainer.ts';
import { percent, range, significant } from '../format.ts';
import { type Html, html } from '../html.ts';
import { cut, type Judged } from './by-source.ts';

// Sizes are in the units of each chart's viewBox; the page scales it to its column.
const WIDTH = 340;
const LABEL = { least: 70, most: 140, character: 7.3 }; // judge names, left of the plot
const VALUE = 38; // accuracies, right of it
const ROW = 30;
const TOP = 22;

/** Accuracy of each judge on one source, a dot with its 95% interval; hollow for controls. `colour` is the source's class. */
export function accuracyChart(judges: readonly Judged[], source: string, colour: string): Html {
  const longest = Math.max(...judges.map(({ name }) => name.length));
  const left = Math.min(LABEL.most, Math.max(LABEL.least, longest * LABEL.character));
  const bounds = judges.flatMap(({ scores }) => scores.intervals.accuracy);
  const low = Math.max(0, Math.floor(Math.min(0.45, ...bounds) * 10) / 10);
  const high = Math.min(1, Math.ceil(Math.max(0.6, ...bounds) * 10) / 10);
  const x = (share: number) => round(left + 8 + ((share - low) / (high - low)) * (WIDTH - left - VALUE - 16));
  const firstControl = judges.findIndex(({ control }) => control);
  const y = (row: number) => TOP + 14 + row * ROW + (firstControl > 0 && row >= firstControl ? 12 : 0);
  const bottom = y(judges.length - 1) + 16;
  const ticks = Array.from({ length: Math.round((high - low) * 10) + 1 }, (_, i) => low + i / 10);
  const path = judges
    .flatMap(({ control, scores }, row) => (control ? [] : [`${x(scores.accuracy)},${y(row)}`]))
    .join(' ');
  const summary = judges.map(({ name, scores }) => `${name} ${percent(scores.accuracy)}%`).join(', ');
  return html`<svg class="chart ${colour}" viewBox="0 0 ${WIDTH} ${bottom + 4}" role="img"
    aria-label="Accuracy on ${source}: ${summary}">
  ${ticks.map(
    (
      tick,
    ) => html`<line class="${Math.abs(tick - 0.5) < 1e-9 ? 'chance' : 'grid'}" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP}"
      y2="${bottom}"/><text class="tick" x="${x(tick)}" y="14" text-anchor="middle">${Math.round(tick * 100)}</text>`,
  )}
  <polyline class="trail" points="${path}"/>
  ${judges.map(({ name, control, scores: { accuracy, intervals } }, row) => {
    const [from, to] = intervals.accuracy;
    return html`<g class="${control ? 'control' : 'stage'}">
    <title>${name}: ${percent(accuracy)}% (${range(intervals.accuracy)})</title>
    <text class="name" x="0" y="${y(row) + 4}">${cut(name, Math.floor(left / LABEL.character))}</text>
    <line class="interval" x1="${x(from)}" x2="${x(to)}" y1="${y(row)}" y2="${y(row)}"/>
    <circle class="dot" cx="${x(accuracy)}" cy="${y(row)}" r="5"/>
    <text class="value" x="${WIDTH}" y="${y(row) + 4}" text-anchor="end">${percent(accuracy)}</text></g>`;
  })}
</svg>`;
}

export interface Series {
  readonly name: string;
  readonly value: (step: TrainStep) => number | undefined;
}

const CURVE = { width: 300, height: 150, left: 42, right: 8, top: 10, bottom: 22 };
/** More points than this are averaged in groups: a line has no more pixels than that, and the file stays small. */
const POINTS = 200;

/** One or two quantities of a training run against its steps. */
export function curveChart(steps: readonly TrainStep[], title: string, series: readonly Series[]): Html {
  const { width, height, left, right, top, bottom } = CURVE;
  const lines = series.map(({ name, value }) => ({ name, points: thin(steps, value) }));
  const values = lines.flatMap(({ points }) => points.map(([, v]) => v)).filter(Number.isFinite);
  if (values.length === 0) return html`<p class="note">${title}: no figures.</p>`;
  const [low, high] = padded(Math.min(...values), Math.max(...values));
  const lastStep = steps.at(-1)?.step ?? 1;
  const firstStep = steps[0]?.step ?? 1;
  const x = (step: number) =>
    round(left + ((step - firstStep) / Math.max(1, lastStep - firstStep)) * (width - left - right));
  const y = (value: number) => round(top + (1 - (value - low) / (high - low)) * (height - top - bottom));
  const ends = lines.map(({ name, points }) => {
    const finite = points.filter(([, v]) => Number.isFinite(v));
    return `${name} from ${significant(finite[0]?.[1] ?? Number.NaN)} to ${significant(finite.at(-1)?.[1] ?? Number.NaN)}`;
  });
  return html`<figure class="curve"><figcaption>${title}${
    series.length > 1 ? lines.map(({ name }, i) => html` <span class="key key-${i}">${name}</span>`) : ''
  }</figcaption>
<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title} over ${steps.length} steps: ${ends.join('; ')}">
  ${nice(low, high).map(
    (
      tick,
    ) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${y(tick)}" y2="${y(tick)}"/><text
      class="tick" x="${left - 6}" y="${y(tick) + 3.5}" text-anchor="end">${significant(tick)}</text>`,
  )}
  <text class="tick" x="${left}" y="${height - 5}">${firstStep}</text>
  <text class="tick" x="${width - right}" y="${height - 5}" text-anchor="end">step ${lastStep}</text>
  ${lines.map(({ points }, i) => segments(points).map((part) => line(part, i, x, y)))}
</svg></figure>`;
}

type Point = readonly [step: number, value: number];

function line(
  points: readonly Point[],
  index: number,
  x: (step: number) => number,
  y: (value: number) => number,
): Html {
  const [only] = points;
  if (points.length === 1 && only !== undefined) {
    return html`<circle class="line-${index}" cx="${x(only[0])}" cy="${y(only[1])}" r="2.5"/>`;
  }
  return html`<polyline class="line line-${index}" points="${points.map(([s, v]) => `${x(s)},${y(v)}`).join(' ')}"/>`;
}

/** A line breaks where its value is not a number: a diverged run shows its gap. */
function segments(points: readonly Point[]): Point[][] {
  const parts: Point[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point[1])) parts.at(-1)?.push(point);
    else parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}

function thin(steps: readonly TrainStep[], value: Series['value']): Point[] {
  const all = steps.flatMap((step): Point[] => {
    const found = value(step);
    return found === undefined ? [] : [[step.step, found]];
  });
  const size = Math.ceil(all.length / POINTS);
  if (size <= 1) return all;
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i): Point => {
    const group = all.slice(i * size, (i + 1) * size);
    const mean = (of: 0 | 1) => group.reduce((sum, point) => sum + point[of], 0) / group.length;
    return [mean(0), mean(1)];
  });
}

function padded(low: number, high: number): [number, number] {
  const pad = (high - low) * 0.06 || Math.abs(low) * 0.1 || 1;
  return [low - pad, high + pad];
}

/** Three to six round values in the range: multiples of 1, 2 or 5 times a power of ten. */
function nice(low: number, high: number): number[] {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A tenth of a unit is finer than any screen. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

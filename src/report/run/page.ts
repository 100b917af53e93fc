import type { Interval, Scores } from '../../metrics.ts';
import type { BenchResult } from '../../pipeline/bench.ts';
import type { TrainStep } from '../../trainer.ts';
import { document } from '../document.ts';
import { duration, percent, range, whole } from '../format.ts';
import { embedJson, type Html, html } from '../html.ts';
import { dataAudit } from './audit.ts';
import { type Judged, judgedOn, sourceClass } from './by-source.ts';
import { accuracyChart, curveChart } from './charts.ts';
import { type Change, headline } from './headline.ts';
import type { Curve, PlanHabits, Report } from './report.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** report.html: one file that needs nothing else, from data that may be hostile. Pure: equal reports, equal pages. */
export function renderReport(report: Report): string {
  return page(report).text;
}

/** The whole page. */
function page(report: Report): Html {
  return document({
    title: `EvalPlanner: ${report.preset}, seed ${report.seed}`,
    eyebrow: 'EvalPlanner run report',
    heading: title(report),
    facts: facts(report),
    main: html`${findings(report)}
${stages(report)}
${habits(report.habits ?? [])}
${samples(report)}
${curves(report.curves)}
${dataAudit(report)}
${effort(report)}`,
    style: STYLE,
    script: report.samples.length === 0 ? null : SCRIPT,
    version: report.version,
    node: report.node,
  });
}

/** Sources whose figures the heading still tells one by one. */
const TOLD = 3;

function title(report: Report): Html {
  const found = headline(report);
  if (found === null) return html`This run has no scores yet.`;
  const { first, last, changes } = found;
  const figure = (source: string, accuracy: number) =>
    html`<span class="figure ${sourceClass(report.sources, source)}">${percent(accuracy)}%</span>`;
  if (first === last) {
    if (changes.length > TOLD) {
      const all = changes.map(({ to }) => to);
      return html`${first} has an accuracy of ${percent(Math.min(...all))}% to ${percent(Math.max(...all))}% on ${all.length} sources.`;
    }
    const at = changes.map(({ source, to }) => html`${figure(source, to)} on ${source}`);
    return html`${first} has an accuracy of ${joined(at)}.`;
  }
  if (changes.length > TOLD) return html`From ${first} to ${last}, accuracy ${tally(changes)}.`;
  // The verb is said once when neighbours share it.
  const phrases = changes.map(({ source, from, to, verb }, i) => {
    const figures =
      verb === 'stayed'
        ? html`at ${figure(source, to)}`
        : html`from ${figure(source, from)} to ${figure(source, to)}`;
    return html`${changes[i - 1]?.verb === verb ? '' : `${verb} `}${figures} on ${source}`;
  });
  return html`From ${first} to ${last}, accuracy ${joined(phrases)}.`;
}

/** `rose on 4 of 6 sources and fell on 2`. */
function tally(changes: readonly Change[]): Html {
  const counts = [...Map.groupBy(changes, ({ verb }) => verb)];
  const all = changes.length;
  return joined(
    counts.map(([verb, of], i) => {
      const sources = of.length === all ? `all ${all} sources` : `${of.length} of ${all} sources`;
      return html`${verb} on ${i === 0 ? sources : of.length}`;
    }),
  );
}

function joined(parts: readonly Html[]): Html {
  const before = (i: number) => (i === 0 ? '' : i === parts.length - 1 ? ' and ' : ', ');
  return html`${parts.map((part, i) => html`${before(i)}${part}`)}`;
}

function facts(report: Report): Html {
  const list: readonly (readonly [string, string])[] = [
    ['Config', report.preset],
    ['Seed', String(report.seed)],
    ['Seed model', report.model],
    ['Time', duration(report.seconds)],
    ['Peak memory', `${whole(report.peakRssMB)} MB`],
  ];
  return html`<dl class="facts">${list.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** What speaks against the judge stands above what speaks for it. */
function findings({ findings: list = [] }: Report): Html {
  if (list.length === 0) return html``;
  return html`<section class="findings">
<h2>Before you trust it</h2>
${list.map(
  ({ seen, cause, remedy }) =>
    html`<p><strong>${sentence(seen)}</strong> Likely: ${cause}. <span class="note">Try: ${remedy}.</span></p>`,
)}
</section>`;
}

const sentence = (text: string) => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}.`;

function stages(report: Report): Html {
  if (report.stages.length === 0) return html``;
  const on = report.sources.map((source) => ({
    source,
    colour: sourceClass(report.sources, source),
    judges: judgedOn(report.stages, source),
  }));
  const fewest = Math.min(...on.map(({ judges }) => judges[0]?.scores.pairs ?? 0));
  const controls = report.stages.some(({ control }) => control)
    ? ', hollow dots are controls: judges that give a verdict alone, or reason without a plan'
    : '';
  return html`<section>
<h2>Accuracy by stage</h2>
<p>Each judge sees every pair in both orders. A verdict is right when it names the response known to be better; a tie, a
cut or an unreadable verdict is wrong. Lines are 95% intervals, the dashed line is chance${controls}.</p>
<div class="panels">${on.map(
    ({ source, colour, judges }) =>
      html`<figure><figcaption>${source}, %</figcaption>${accuracyChart(judges, source, colour)}</figure>`,
  )}</div>
${on.map(({ source, colour, judges }) => scoreTable(judges, source, colour))}
${gain(report)}
${comparisons(report)}
${played(report)}
<p class="note">Intervals: bootstrap over pairs for accuracy, since the two orders of a pair are not independent; Wilson for
the others. “Slot A” is the share of verdicts A among A and B; 50 means no preference for a place.${
    fewest < 100 ? ' With so few pairs the intervals are wide.' : ''
  }</p>
</section>`;
}

function scoreTable(all: readonly Judged[], source: string, colour: string): Html {
  const last = all.findLast(({ control }) => !control);
  const cell = (share: number, interval?: Interval) =>
    html`<td>${percent(share)}${interval === undefined ? '' : html` <span class="range">${range(interval)}</span>`}</td>`;
  const row = (judge: Judged) => {
    const s: Scores = judge.scores;
    return html`<tr class="${judge.control ? 'control' : judge === last ? 'last' : ''}">
<th scope="row">${judge.name}</th>${cell(s.accuracy, s.intervals.accuracy)}${cell(s.bothOrders, s.intervals.bothOrders)}${cell(
      s.consistency,
      s.intervals.consistency,
    )}${cell(s.invalid, s.intervals.invalid)}${cell(s.firstSlot)}</tr>`;
  };
  return html`<div class="scroll"><table class="scores">
<caption class="${colour}">${source}: ${whole(all[0]?.scores.pairs ?? 0)} pairs, figures in %</caption>
<thead><tr><th scope="col">Judge</th>${['Accuracy', 'Both orders right', 'Orders agree', 'Not A or B'].map(
    (name) => html`<th scope="col" class="ranged">${name}</th>`,
  )}<th scope="col">Slot A</th></tr></thead>
<tbody>${all.map(row)}</tbody></table></div>`;
}

function gain({ gain: found }: Report): Html {
  if (found === undefined) return html``;
  const { first, last, accuracy, interval, pairs } = found;
  return html`<p>Over all sources ${last} is right ${points(accuracy)} points more often than ${first} (95% interval
${points(interval[0])} to ${points(interval[1])}, ${whole(pairs)} pairs, both orders).</p>`;
}

const points = (share: number) => percent(share).replace('-', '−');

/** A column for each benchmark that some judge played. */
function played({ stages: judges }: Report): Html {
  const on = judges.filter(({ benchmarks }) => benchmarks !== undefined);
  const names = [...new Set(on.flatMap(({ benchmarks = {} }) => Object.keys(benchmarks)))];
  if (names.length === 0) return html``;
  const cell = (result: BenchResult | undefined) =>
    result === undefined
      ? html`<td></td>`
      : html`<td>${percent(result.score)} <span class="range">${range(result.interval as Interval)}</span></td>`;
  return html`<div class="scroll"><table class="scores benchmarks">
<caption>Benchmarks under their own protocols, %</caption>
<thead><tr><th scope="col">Judge</th>${names.map((name) => html`<th scope="col" class="ranged">${name}</th>`)}</tr></thead>
<tbody>${on.map(
    ({ name, benchmarks = {} }) =>
      html`<tr><th scope="row">${name}</th>${names.map((one) => cell(benchmarks[one]))}</tr>`,
  )}</tbody></table></div>`;
}

function comparisons({ comparisons: list = [] }: Report): Html {
  return html`${list.map(
    ({
      source,
      first,
      second,
      firstOnly,
      secondOnly,
      p,
    }) => html`<p>On ${source}, ${second} alone is right in both
orders on ${whole(secondOnly)} pairs and ${first} alone on ${whole(firstOnly)} (exact McNemar test, p ${
      p < 0.001 ? '< 0.001' : `= ${p.toFixed(3)}`
    }).</p>`,
  )}`;
}

function habits(list: readonly PlanHabits[]): Html {
  if (list.length === 0) return html``;
  const kinds = [...new Set(list.flatMap((stage) => stage.kinds.map(({ kind }) => kind)))];
  const cell = (stage: PlanHabits, kind: string) => {
    const found = stage.kinds.find((other) => other.kind === kind);
    if (found === undefined || found.share === 0) return html`<td>0.0 <span class="range"></span></td>`;
    const right =
      found.accuracy === null ? '' : html`${percent(found.accuracy)}<span class="word"> right</span>`;
    return html`<td>${percent(found.share)} <span class="range">${right}</span></td>`;
  };
  return html`<section>
<h2>What the plans are like</h2>
<p>The share of each kind of plan a judge writes, in %, and how often its verdict is right with it.</p>
<div class="scroll"><table class="habits"><caption>Plans by kind</caption>
<thead><tr><th scope="col">Judge</th><th scope="col">Plans</th>${kinds.map((kind) => html`<th scope="col" class="ranged">${kind}</th>`)}</tr></thead>
<tbody>${list.map(
    (stage) =>
      html`<tr><th scope="row">${stage.stage}</th><td>${whole(stage.plans)}</td>${kinds.map((kind) => cell(stage, kind))}</tr>`,
  )}</tbody></table></div>
</section>`;
}

function samples(report: Report): Html {
  if (report.samples.length === 0) return html``;
  const options = (values: Iterable<string>) =>
    [...new Set(values)].map((value) => html`<option value="${value}">${value}</option>`);
  const last = report.stages.findLast(({ control }) => !control)?.name ?? '';
  return html`<section>
<h2>Thoughts to read</h2>
<p>A sample of what the judges wrote. The buttons above a thought show the same pair, in the same order, at other stages;
the arrow keys go on.</p>
<div class="reader" id="reader" data-first="${last}" hidden>
<div class="bar">
<label>Judge <select name="stage"><option value="">all</option>${options(report.samples.map(({ stage }) => stage))}</select></label>
<label>Source <select name="source"><option value="">all</option>${options(report.samples.map(({ source }) => source))}</select></label>
<label>Verdict <select name="result"><option value="">all</option><option>right</option><option>wrong</option></select></label>
<div class="place"><button type="button" aria-label="Previous thought">←</button><output aria-live="polite"></output><button
type="button" aria-label="Next thought">→</button></div>
</div>
<div class="thought"></div>
</div>
<noscript><p class="note">Reading them here needs JavaScript; they are also in report.json.</p></noscript>
<script type="application/json" id="samples">${embedJson(report.samples)}</script>
</section>`;
}

function curves(list: readonly Curve[]): Html {
  const drawn = list.filter(({ steps }) => steps.length > 0);
  if (drawn.length === 0) return html``;
  const charts = ({ kind, steps }: Curve) => [
    curveChart(steps, 'Loss', [{ name: 'loss', value: (s) => s.loss }]),
    ...(kind === 'sft'
      ? []
      : [
          curveChart(steps, 'Margin', [{ name: 'margin', value: (s) => s.margin }]),
          curveChart(steps, 'Log-probability', [
            { name: 'chosen', value: (s: TrainStep) => s.chosenLogp },
            { name: 'rejected', value: (s: TrainStep) => s.rejectedLogp },
          ]),
        ]),
  ];
  return html`<section>
<h2>Learning curves</h2>
${drawn.map((curve) => html`<h3>${curve.stage}, ${whole(curve.steps.length)} steps</h3><div class="curves">${charts(curve)}</div>`)}
</section>`;
}

function effort({ counts, timings }: Report): Html {
  const rows: (readonly [string, number])[] = [
    ...Object.entries(counts.pairs).map(([split, n]) => [`Response pairs, ${split}`, n] as const),
    ...Object.entries(counts.plans).map(([round, n]) => [`Plans, round ${round}`, n] as const),
    ...Object.entries(counts.thoughts).flatMap(([round, { total, correct }]) => [
      [`Thoughts, round ${round}`, total] as const,
      [`Right among them`, correct] as const,
    ]),
    ...Object.entries(counts.preferences).map(
      ([round, n]) => [`Preference pairs, round ${round}`, n] as const,
    ),
    ['Generations that ended by themselves', counts.generations.stop],
    ['Generations cut at their limit', counts.generations.length],
    ['Generations refused or failed', counts.generations.refused + counts.generations.error],
    ['Tokens read', counts.promptTokens],
    ['Tokens written', counts.completionTokens],
  ];
  const total = timings.reduce((sum, { seconds }) => sum + seconds, 0);
  return html`<section>
<h2>What it took</h2>
<div class="panels">
<div><table class="plain"><caption>Counts</caption><tbody>${rows.map(
    ([name, value]) => html`<tr><th scope="row">${name}</th><td>${whole(value)}</td></tr>`,
  )}</tbody></table></div>
<div><table class="plain"><caption>Time</caption>
<thead><tr><th scope="col">Stage</th><th scope="col">Time</th><th scope="col">Tokens</th><th scope="col">Tokens/s</th></tr></thead>
<tbody>${timings.map(
    ({ stage, seconds, tokens, tokensPerSecond }) =>
      html`<tr><th scope="row">${stage}</th><td>${duration(seconds)}</td><td>${
        tokens === 0 ? '' : whole(tokens)
      }</td><td>${tokens === 0 ? '' : whole(tokensPerSecond)}</td></tr>`,
  )}<tr class="last"><th scope="row">All</th><td>${duration(total)}</td><td></td><td></td></tr></tbody></table></div>
</div>
</section>`;
}

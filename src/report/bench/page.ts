import type { Published } from '../../benchmarks/benchmark.ts';
import type { Effort } from '../../benchmarks/effort.ts';
import type { LengthControl } from '../../benchmarks/length.ts';
import { STYLE_FEATURES, type StyleControl } from '../../benchmarks/style.ts';
import type { Interval } from '../../metrics.ts';
import { SLOTS } from '../../prompts/published/choice.ts';
import { document } from '../document.ts';
import { counted, duration, money, orDash, percent, range, signedNumber, whole } from '../format.ts';
import { type Html, html } from '../html.ts';
import { flipChart, lengthChart, pairCurve, partsChart, partsCount } from './charts.ts';
import { choiceMarkdown } from './choice-table.ts';
import {
  type BenchmarkReport,
  type BenchmarkResult,
  type BenchResult,
  type ChoiceResult,
  isOfChoices,
  selected,
} from './report.ts';
import { BENCHMARK_STYLE } from './style.ts';
import { benchmarkMarkdown } from './table.ts';

/** report.html: one file that needs nothing else, from data that may be hostile. Pure: equal reports, equal pages. */
export function renderBenchmarkReport(report: BenchmarkReport): string {
  return benchmarkPage(report).text;
}

/** The whole page. */
function benchmarkPage(report: BenchmarkReport): Html {
  const { benchmarks, choices, judge, version, node } = report;
  const titles = [...benchmarks, ...choices].map(({ title }) => title);
  return document({
    title: `EvalPlanner: ${judge.name} on ${titles.join(', ')}`,
    eyebrow: 'EvalPlanner benchmark report',
    heading: heading(report),
    facts: facts(report),
    main: html`${titles.length > 1 ? overview([...benchmarks, ...choices]) : ''}
${benchmarks.map((result) => section(result))}
${choices.map((result) => choiceSection(result))}
<section class="benchmark">
<h2>For pasting</h2>
<details><summary>Markdown table</summary><pre class="mono">${benchmarks.length > 0 ? benchmarkMarkdown(benchmarks) : ''}${choices.length > 0 ? choiceMarkdown(choices) : ''}</pre></details>
<p class="note">Intervals are 95%: a bootstrap over prompts for official scores, their parts and the accuracy of all verdicts, since
pairs of one prompt and orders of one pair are not independent; Wilson's for shares of pairs and fifths; errors clustered by
prompt for the fits. Where no prompt differs from another, resampling shows no spread and Wilson's interval over prompts stands in.</p>
</section>`,
    style: BENCHMARK_STYLE,
    script: null,
    version,
    node,
  });
}

function heading({ judge, ...report }: BenchmarkReport): Html {
  const benchmarks = [...report.benchmarks, ...report.choices];
  const [only, second] = benchmarks;
  if (only === undefined) return html`${judge.name} has played no benchmark yet.`;
  const score = (of: BenchResult) => html`<span class="score">${percent(of.official.score)}%</span>`;
  if (second === undefined) return html`${judge.name} scores ${score(only)} on ${only.title}.`;
  return html`${judge.name} scores ${benchmarks.map(
    (of, i) =>
      html`${i === 0 ? '' : i === benchmarks.length - 1 ? ' and ' : ', '}${score(of)} on ${of.title}`,
  )}.`;
}

function facts({ judge, seed, selection, benchmarks, choices }: BenchmarkReport): Html {
  const efforts = [...benchmarks, ...choices].flatMap(({ effort }) => effort ?? []);
  const sum = (value: (effort: Effort) => number) =>
    efforts.reduce((total, effort) => total + value(effort), 0);
  const known = efforts.every(({ cost }) => cost !== null);
  const list: readonly (readonly [string, string])[] = [
    ['Judge', judge.name],
    ...(judge.revision === null ? [] : [['Revision', judge.revision.slice(0, 24)] as const]),
    ['How', judge.settings],
    ...(benchmarks.length === 0 ? [] : [['Orders', selection.orders] as const]),
    ...(selected(selection) === '' ? [] : [['Only', selected(selection)] as const]),
    ['Seed', String(seed)],
    ...(efforts.length === 0
      ? []
      : ([
          ['Tokens', whole(sum((effort) => effort.promptTokens + effort.completionTokens))],
          ...(known ? [['Cost', money(sum(({ cost }) => cost ?? 0))] as const] : []),
          ['Time', duration(sum(({ seconds }) => seconds))],
        ] as const)),
  ];
  return html`<dl class="facts">${list.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

const neither = ({ shares }: BenchResult) => Object.values(shares).reduce((sum, share) => sum + share, 0);
const ranged = (share: number, interval: Interval) =>
  html`${percent(share)} <span class="range">${range(interval)}</span>`;

function overview(results: readonly BenchResult[]): Html {
  return html`<section><h2>All benchmarks</h2>
<div class="scroll"><table class="overview"><caption>Figures in %</caption>
<thead><tr><th scope="col">Benchmark</th><th scope="col">Judged</th><th scope="col" class="ranged">Official</th><th scope="col">Both orders</th><th
scope="col">Flips</th><th scope="col">Slot A</th><th scope="col">Neither</th></tr></thead>
<tbody>${results.map((of) => {
    const pairs = isOfChoices(of) ? null : of;
    return html`<tr><th scope="row">${of.title}${isOfChoices(of) ? `, ${of.way}` : ''}</th><td>${whole(of.judged)}</td><td>${ranged(
      of.official.score,
      of.official.interval,
    )}</td><td>${orDash(pairs?.bothOrders)}</td><td>${orDash(pairs?.flipRate)}</td><td>${orDash(pairs?.firstSlot)}</td><td>${percent(neither(of))}</td></tr>`;
  })}</tbody></table></div></section>`;
}

function section(of: BenchmarkResult): Html {
  const { title, official, protocol, twice, flips, length } = of;
  const styles = styleTable(of.length, of.style, 'longer');
  // The columns are to be of about one height.
  const long = partsCount(official) > 12;
  return html`<section class="benchmark">
<h2>${title}: <span class="score">${percent(official.score)}</span> <span class="range">${range(official.interval)}</span></h2>
<p class="protocol">Official protocol: ${protocol}.</p>
${warnings(of, of.pairs, 'pair')}
<div class="figures">
<div class="column">
<figure><figcaption>Official score by section, %</figcaption>${partsChart(official)}</figure>
${table('Beside the official score', 'Figures in %', besides(of))}
${long ? '' : styles}
</div>
<div class="column">
${
  twice === 0
    ? html`<p class="note">No pair was judged in both orders, so nothing is known of flips. Judge with <span class="mono">--orders both</span>.</p>`
    : html`<figure><figcaption>Verdicts in both orders, % of ${counted(twice, 'pair')}</figcaption>${flipChart(flips, twice)}
<p class="note">Green and red: the order did not matter. Orange: the slot decided.</p></figure>`
}
${
  length.fifths.length === 0
    ? ''
    : html`<figure><figcaption>Accuracy by length difference, %</figcaption>${lengthChart(length, 0.5, pairCurve(length))}
<p class="note">Dots are fifths of the verdicts, the line is the logistic fit. Flat: length is ignored.</p></figure>`
}
${long ? styles : ''}
${of.effort === null ? '' : table('What it took', '', effort(of.effort))}
</div>
</div>
${published(of.published)}
</section>`;
}

function choiceSection(of: ChoiceResult): Html {
  const { title, official, protocol, way, length, style } = of;
  return html`<section class="benchmark">
<h2>${title}, ${way}: <span class="score">${percent(official.score)}</span> <span class="range">${range(official.interval)}</span></h2>
<p class="protocol">Protocol: ${protocol}.</p>
${warnings(of, of.choices, 'choice')}
<div class="figures">
<div class="column">
<figure><figcaption>Score by section, %</figcaption>${partsChart(official, of.chance)}</figure>
${table('Beside the score', 'Figures in %', choiceBesides(of))}
${of.effort === null ? '' : table('What it took', '', effort(of.effort))}
</div>
<div class="column">
${
  length === null || style === null
    ? ''
    : html`<figure><figcaption>Accuracy by length difference, %</figcaption>${lengthChart(length, of.chance ?? 0.5)}
<p class="note">Dots are fifths of the choices: right responses against the mean of the others. Flat: length is ignored.</p></figure>
${styleTable(length, style, 'longest')}`
}
</div>
</div>
${published(of.published)}
</section>`;
}

function choiceBesides(of: ChoiceResult): Rows {
  const { official, chance, slots, shares, conventions, unrated, sharedTop, judged, way } = of;
  const kinds = Object.entries(shares).filter(([, share]) => share > 0);
  return [
    ['Choices judged', whole(judged)],
    ...(conventions.guess === null || conventions.guess === official.score
      ? []
      : [['Accuracy, each choice alike', percent(conventions.guess)] as const]),
    ['Naming any response scores', orDash(chance)],
    ...(slots ?? []).map((share, i) => [`Names slot ${SLOTS.charAt(i)}`, percent(share)] as const),
    ['No verdict', percent(neither(of))],
    ...kinds.map(([kind, share]) => [`– ${kind}`, percent(share)] as const),
    ...(conventions.guess === conventions.wrong
      ? []
      : ([
          ['Accuracy, none counts wrong', orDash(conventions.wrong)],
          ['Accuracy, none left out', orDash(conventions.dropped)],
        ] as const)),
    ...(unrated === null || sharedTop === null
      ? []
      : way === 'round-robin'
        ? [['Most wins shared', percent(sharedTop)] as const]
        : ([
            ['Responses not rated', percent(unrated)],
            ['Highest rating shared', percent(sharedTop)],
          ] as const)),
  ];
}

function warnings({ judged, incomplete, shares }: BenchResult, all: number, unit: 'pair' | 'choice'): Html {
  const list = [
    ...(judged < all ? [`Left out without a verdict: ${whole(all - judged)} of ${counted(all, unit)}.`] : []),
    ...(incomplete.length === 0
      ? []
      : [
          `Not the whole benchmark, and so not comparable with published scores: ${incomplete
            .map(
              ({ section: name, judged: own, published: total }) =>
                `${name} ${whole(own)} of ${whole(total)}`,
            )
            .join(', ')}.`,
        ]),
    ...(shares.error === 0
      ? []
      : [
          `The model did not answer ${percent(shares.error)}% of the prompts: this is no score of the judge.`,
        ]),
  ];
  return html`${list.map((text) => html`<p class="warning">${text}</p>`)}`;
}

type Rows = readonly (readonly [name: string, value: Html | string])[];

function table(caption: string, unit: string, rows: Rows): Html {
  return html`<table class="plain"><caption>${caption}${unit === '' ? '' : html` <span class="range">${unit}</span>`}</caption>
<tbody>${rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`)}</tbody></table>`;
}

function besides(of: BenchmarkResult): Rows {
  const { accuracy, intervals, bothOrders, flipRate, firstSlot, shares, conventions } = of;
  const kinds = Object.entries(shares).filter(([, share]) => share > 0);
  return [
    ['Every order judged', ranged(accuracy, intervals.accuracy)],
    ...(bothOrders === null || intervals.bothOrders === null
      ? []
      : ([
          ['Both orders right', ranged(bothOrders, intervals.bothOrders)],
          ['Flips with the order', percent(flipRate ?? 0)],
        ] as const)),
    ['Names the first slot', orDash(firstSlot)],
    ['Neither A nor B', percent(neither(of))],
    ...kinds.map(([kind, share]) => [`– ${kind}`, percent(share)] as const),
    ...(kinds.length === 0
      ? []
      : ([
          ['Accuracy, neither counts one half', ranged(conventions.half, intervals.half)],
          ['Accuracy, neither counts wrong', ranged(conventions.wrong, intervals.accuracy)],
          [
            'Accuracy, neither left out',
            conventions.dropped === null || intervals.dropped === null
              ? '–'
              : ranged(conventions.dropped, intervals.dropped),
          ],
        ] as const)),
  ];
}

function styleTable(length: LengthControl, style: StyleControl, named: 'longer' | 'longest'): Html {
  const pull = (value: number, [low, high]: Interval) =>
    html`${signedNumber(value)} <span class="range">${signedNumber(low)} to ${signedNumber(high)}</span>`;
  return table('Length and style', 'Accuracy in %, pulls in log-odds', [
    ['Accuracy at equal length', ranged(length.accuracyAtEqualLength, length.interval)],
    ['Pull of length', pull(length.coefficient, length.coefficientInterval)],
    [`Naming the ${named} response scores`, percent(length.longerIsBetter)],
    ['Accuracy at equal style', ranged(style.accuracyAtEqualStyle, style.interval)],
    ...STYLE_FEATURES.map((feature) => {
      const found = style.coefficients[feature];
      return [
        `– pull of ${feature}`,
        found === null ? 'nothing differs' : pull(found.value, found.interval),
      ] as const;
    }),
  ]);
}

function effort({ generations, promptTokens, completionTokens, cost, seconds }: Effort): Rows {
  return [
    ['Generations', whole(generations)],
    ['Tokens read', whole(promptTokens)],
    ['Tokens written', whole(completionTokens)],
    ['Cost', cost === null ? 'no prices given' : money(cost)],
    ['Time', duration(seconds)],
  ];
}

function published(list: readonly Published[]): Html {
  if (list.length === 0) return html``;
  return html`<h3>Published, each under its own protocol</h3>
<div class="scroll"><table class="published"><caption class="note">For context: figures of different protocols are not comparable</caption>
<thead><tr><th scope="col">Judge</th><th scope="col">Overall</th><th scope="col">Protocol</th><th scope="col">Source</th></tr></thead>
<tbody>${list.map(
    ({ judge, scores, protocol, source }) =>
      html`<tr><th scope="row">${judge}${sections(scores)}</th><td>${orDash(scores.overall ?? null)}</td><td>${protocol}</td><td>${source}</td></tr>`,
  )}</tbody></table></div>`;
}

/** What was published of parts, beside the whole. */
function sections(scores: Published['scores']): Html {
  const parts = Object.entries(scores).filter(([name]) => name !== 'overall');
  if (parts.length === 0) return html``;
  return html`<span class="sections">${parts.map(([name, score]) => `${name} ${percent(score)}`).join(' · ')}</span>`;
}

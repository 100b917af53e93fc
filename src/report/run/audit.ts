import { type ContaminationReport, remarks } from '../../audit/contamination.ts';
import type { LengthBias } from '../../audit/length.ts';
import type { VerdictCounts } from '../../audit/run.ts';
import { percent, whole } from '../format.ts';
import { type Html, html } from '../html.ts';
import type { Report } from './report.ts';

const share = (part: number, of: number) => (of === 0 ? '–' : percent(part / of));
const unreadable = ({ outputs, verdicts: { A = 0, B = 0 } }: VerdictCounts) =>
  share(outputs - A - B, outputs);
const lengthOnly = (length: LengthBias | null) => (length ? percent(length.lengthOnly.accuracy) : '–');

/** What the data of a run shows besides its scores: length, slots, outputs without a verdict, plans that fail. In percent. */
export function dataAudit({ audit, preferences = {}, readable = [] }: Report): Html {
  if (!audit) return html``;
  const thoughts = Object.entries(audit.thoughts);
  const pairs = Object.entries(audit.pairs).filter(([, { length }]) => length);
  const chosen = Object.entries(audit.preferences);
  const dropped = Object.entries(preferences).flatMap(([stage, { dropped: reasons }]) =>
    Object.entries(reasons).map(([reason, n]) => [`${stage}: ${reason}`, n] as const),
  );
  return html`<section>
<h2>What the data would teach besides</h2>
<p>A judge that knows nothing but which response is longer (or shorter) scores what "length only" says; 50 is chance.
${whole(audit.leaked)} held-out instructions occur in training.</p>
<div class="panels">
<div><table class="plain"><caption>Thoughts, %</caption>
<thead><tr><th scope="col">Round</th><th scope="col">Right, ab</th><th scope="col">Right, ba</th><th scope="col">No verdict</th><th scope="col">Plans never right</th><th scope="col">Wrong by the plan</th></tr></thead>
<tbody>${thoughts.map(([round, counts]) => {
    const { plans, wrong } = counts.plans;
    const all = plans.alwaysRight + plans.mixed + plans.neverRight;
    const { ab, ba } = counts.byOrder;
    return html`<tr><th scope="row">${round}</th><td>${share(ab.correct, ab.outputs)}</td><td>${share(ba.correct, ba.outputs)}</td><td>${unreadable(counts)}</td><td>${share(plans.neverRight, all)}</td><td>${share(wrong.planFails, wrong.thoughts)}</td></tr>`;
  })}</tbody></table></div>
${readable.length === 0 ? html`` : readableShares(readable)}
<div><table class="plain"><caption>Length only, %</caption>
<thead><tr><th scope="col">Set</th><th scope="col">Length only</th><th scope="col">Chosen says A</th></tr></thead>
<tbody>${pairs.map(
    ([split, { length }]) =>
      html`<tr><th scope="row">Response pairs, ${split}</th><td>${lengthOnly(length)}</td><td></td></tr>`,
  )}${chosen.map(
    ([round, { length, A, B }]) =>
      html`<tr><th scope="row">Preference pairs, round ${round}</th><td>${lengthOnly(length)}</td><td>${share(A, A + B)}</td></tr>`,
  )}</tbody></table></div>
${
  dropped.length === 0
    ? html``
    : html`<div><table class="plain"><caption>Response pairs without preference pairs</caption><tbody>${dropped.map(
        ([name, n]) => html`<tr><th scope="row">${name}</th><td>${whole(n)}</td></tr>`,
      )}</tbody></table></div>`
}
${audit.contamination ? repeated(audit.contamination) : html``}
</div>
</section>`;
}

/** A judge that was led says nothing of what it writes by itself. */
function readableShares(stages: NonNullable<Report['readable']>): Html {
  return html`<div><table class="plain"><caption>Verdicts that can be read, %</caption>
<thead><tr><th scope="col">Stage</th><th scope="col">Written</th><th scope="col">Readable</th><th scope="col">Outputs</th></tr></thead>
<tbody>${stages.map(
    ({ stage, writing, readable, outputs }) =>
      html`<tr><th scope="row">${stage}</th><td>${writing}</td><td>${share(readable, outputs)}</td><td>${whole(outputs)}</td></tr>`,
  )}</tbody></table></div>`;
}

function repeated(report: ContaminationReport): Html {
  const { checked, rows, benchmarks } = report;
  return html`<div><table class="plain"><caption>Training instructions like a benchmark's: ${whole(rows)} of ${whole(checked)}</caption>
<thead><tr><th scope="col">Benchmark</th><th scope="col">Prompts</th><th scope="col">Exactly</th><th scope="col">13 words in a row</th></tr></thead>
<tbody>${Object.entries(benchmarks).map(
    ([name, { prompts, exact, ngram }]) =>
      html`<tr><th scope="row">${name}</th><td>${whole(prompts)}</td><td>${whole(exact)}</td><td>${whole(ngram)}</td></tr>`,
  )}</tbody></table>${remarks(report).map((remark) => html`<p>${remark[0]?.toUpperCase() ?? ''}${remark.slice(1)}.</p>`)}</div>`;
}

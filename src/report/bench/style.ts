import { STYLE } from '../run/style.ts';

/** The look of a run's report, and what only benchmarks have. */
export const BENCHMARK_STYLE = `${STYLE}
.benchmark { margin-top: 3.5rem; padding-top: .25rem; border-top: 1px solid var(--rule); }
main > .benchmark:first-child { border-top: 0; margin-top: 0; }
.benchmark h2 .range { display: inline; font-family: system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif; font-weight: 400; font-size: .95rem; }
.benchmark h2 { margin-top: 1.5rem; }
.score { font-variant-numeric: tabular-nums; color: var(--source-0); }
h1 .score { white-space: nowrap; }
.protocol { color: var(--soft); font-size: .95rem; }
.warning { border-left: 3px solid var(--source-1); padding: .1rem 0 .1rem .8rem; font-size: .95rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 23rem), 1fr)); gap: 2rem 3rem; margin-top: 1.5rem; align-items: start; }
.figures > .column { display: grid; gap: 2rem; min-width: 0; }
figure { margin: 0; min-width: 0; max-width: 32rem; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
figcaption + .note, figure .note { margin-top: .35rem; }
.parts, .length { --series: var(--source-0); }
.parts .depth-1 .name { font-weight: 600; }
.parts .depth-0 text { font-size: 13px; font-weight: 700; }
.parts .depth-2 text { fill: var(--soft); }
.parts .depth-2 .value { font-weight: 400; }
.parts .depth-2 .interval { stroke-width: 1.5; }
.flips { max-width: 24rem; }
.flips .ground { fill: var(--panel); }
.flips .fill { fill: var(--soft); }
.flips .both-right .fill { fill: var(--right); }
.flips .both-wrong .fill { fill: var(--wrong); }
.flips .slot .fill { fill: var(--source-1); }
.flips .cell .tick { fill: var(--ink); font-size: 10px; }
.flips .cell .value { font-size: 14px; }
.plain td:last-child { white-space: nowrap; }
.plain .range { width: auto; }
.overview td, .overview tbody th { white-space: nowrap; }
.published tbody th { white-space: normal; font-weight: 400; }
.published .sections { display: block; color: var(--soft); font-size: .82rem; }
.published caption { font-weight: 400; }
.published td:nth-child(n + 3), .published thead th:nth-child(n + 3) { text-align: left; color: var(--soft); font-size: .88rem; padding-left: 1.25rem; }
details { margin-top: 1.25rem; }
summary { cursor: pointer; font-size: .95rem; color: var(--soft); }
pre { overflow-x: auto; background: var(--panel); border-radius: .4rem; padding: .8rem 1rem; }
@media (max-width: 40rem) {
  .published td:nth-child(n + 3), .published thead th:nth-child(n + 3) { font-size: .74rem; padding-left: .4rem; }
  .plain .range { display: inline-block; font-size: .85em; margin-left: .4em; }
}
`;

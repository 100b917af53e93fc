/** Colours of the sources by their place; after the last the first comes again. */
const SOURCES = {
  light: ['#0a62b8', '#b1480a', '#6f3fb5', '#0b6e78', '#a8246e', '#5f6410'],
  dark: ['#74b5f7', '#f2a065', '#c0a2f5', '#5cc9cf', '#f28cc0', '#c2c65a'],
};
export const SOURCE_COLOURS = SOURCES.light.length;
const variables = (colours: readonly string[]) =>
  colours.map((colour, i) => `--source-${i}: ${colour};`).join(' ');

/** The page's style. Every text colour has a contrast of at least 4.5 : 1 with its ground, in light and in dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #fcfbf9; --panel: #f4f2ee; --ink: #1d1f22; --soft: #5d6168; --rule: #dcd8d1; --grid: #e6e2db;
  --right: #17713f; --wrong: #b3261e; --focus: #0a62b8;
  ${variables(SOURCES.light)}
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15171a; --panel: #1e2125; --ink: #e8e6e1; --soft: #a2a6ad; --rule: #363a40; --grid: #2a2e33;
    --right: #6fcf97; --wrong: #ff8f87; --focus: #74b5f7;
    ${variables(SOURCES.dark)}
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 3rem 1.5rem 4rem; max-width: 62rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif; text-wrap: pretty; overflow-wrap: break-word;
}
h1, h2 { font-family: Charter, 'Bitstream Charter', 'Sitka Text', Cambria, 'Noto Serif', Georgia, serif; text-wrap: balance; }
h1 { font-size: clamp(1.5rem, 1.05rem + 2vw, 2.25rem); line-height: 1.22; font-weight: 600; margin: .25rem 0 1rem; letter-spacing: -.012em; }
h1 .figure { white-space: nowrap; }
h2 { font-size: 1.35rem; line-height: 1.25; font-weight: 600; margin: 3.25rem 0 .5rem; }
h3 { font-size: .95rem; margin: 1.75rem 0 .5rem; font-weight: 600; }
p { margin: .5rem 0; max-width: 44rem; }
.findings { border-left: 3px solid var(--wrong); padding-left: 1rem; margin-top: 2rem; }
.findings h2 { margin-top: 0; font-size: 1.1rem; }
.eyebrow { color: var(--soft); font-size: .9rem; letter-spacing: .02em; margin: 0; }
.note { color: var(--soft); font-size: .9rem; }
${SOURCES.light.map((_, i) => `.source-${i} { --series: var(--source-${i}); color: var(--series); }`).join('\n')}
.facts { display: flex; flex-wrap: wrap; gap: .35rem 1.75rem; margin: 1.25rem 0 0; padding: .9rem 0 0; border-top: 1px solid var(--rule); }
.facts div { display: flex; gap: .45rem; font-size: .9rem; min-width: 0; }
.facts dt { color: var(--soft); white-space: nowrap; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }

.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr)); gap: 1.5rem 3rem; margin-top: 1.25rem; }
.panels > * { max-width: 27rem; min-width: 0; margin: 0; }
.panels figcaption { font-weight: 600; margin-bottom: .35rem; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1rem 2rem; }
.curve { margin: 0; max-width: 24rem; }
.curve figcaption { font-size: .9rem; color: var(--soft); }
.key::before { content: ''; display: inline-block; width: 1em; height: 2px; vertical-align: .28em; margin: 0 .35em 0 .5em; background: var(--source-0); }
.key-1::before { background: var(--source-1); }

.chart { display: block; width: 100%; height: auto; overflow: visible; font-family: inherit; font-variant-numeric: tabular-nums; }
.chart text { fill: var(--ink); font-size: 12px; }
.chart .tick { fill: var(--soft); font-size: 11px; }
.chart .value { font-weight: 600; }
.chart .control text { fill: var(--soft); font-weight: 400; }
.chart .grid { stroke: var(--grid); stroke-width: 1; }
.chart .chance { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 3; }
.chart .trail { fill: none; stroke: var(--series); stroke-width: 1; opacity: .35; }
.chart .interval { stroke: var(--series); stroke-width: 2.5; stroke-linecap: round; opacity: .55; }
.chart .dot { fill: var(--series); stroke: var(--ground); stroke-width: 1.5; }
.chart .control .dot { fill: var(--ground); stroke: var(--series); stroke-width: 2; }
.chart .control .interval { stroke-width: 1.5; }
.chart .line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
.chart .line-0 { stroke: var(--source-0); }
.chart .line-1 { stroke: var(--source-1); }
.chart circle.line-0 { fill: var(--source-0); }
.chart circle.line-1 { fill: var(--source-1); }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .95rem; margin: .75rem 0; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; overflow-wrap: anywhere; }
th { text-align: left; font-weight: 600; }
thead th { color: var(--soft); font-size: .82rem; font-weight: 500; vertical-align: bottom; border-bottom: 1px solid var(--soft); line-height: 1.25; }
th, td { padding: .42rem .4rem; border-bottom: 1px solid var(--rule); vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; }
td, thead th:not(:first-child) { text-align: right; }
tbody th { min-width: 4.6rem; overflow-wrap: anywhere; }
.plain tbody th { font-weight: 400; }
.plain tr.last th { font-weight: 600; }
.range { display: inline-block; width: 5.6em; margin-left: .5em; text-align: left; color: var(--soft); font-size: .85em; white-space: nowrap; }
thead th.ranged { padding-right: 5.65rem; }
tr.control th, tr.control td { color: var(--soft); font-weight: 400; }
tr.last th, tr.last td { font-weight: 600; }
tr.last .range { font-weight: 400; }

.reader { border: 1px solid var(--rule); border-radius: .6rem; margin-top: 1rem; background: var(--ground); }
.bar { display: flex; flex-wrap: wrap; gap: .6rem .9rem; align-items: end; padding: .8rem 1rem; background: var(--panel);
  border-bottom: 1px solid var(--rule); border-radius: .6rem .6rem 0 0; }
.bar label { display: grid; grid-template-columns: minmax(0, 1fr); min-width: 0; font-size: .78rem; color: var(--soft); gap: .15rem; }
.bar .place { margin-left: auto; display: flex; align-items: center; gap: .5rem; font-size: .9rem; font-variant-numeric: tabular-nums; }
button, select { font: inherit; font-size: .9rem; color: var(--ink); background: var(--ground); border: 1px solid var(--soft); border-radius: .35rem;
  padding: .3rem .6rem; min-height: 2.1rem; max-width: 100%; }
button { cursor: pointer; }
button:disabled { opacity: .45; cursor: default; }
button[aria-pressed='true'] { background: var(--ink); color: var(--ground); border-color: var(--ink); }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.thought { padding: 1rem; }
.thought h3 { margin: 1.1rem 0 .25rem; font-size: .82rem; color: var(--soft); font-weight: 500; }
.thought h3:first-child { margin-top: 0; }
.said { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; max-width: none; unicode-bidi: isolate; }
.mono { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: .88rem; line-height: 1.5; }
.responses { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: .8rem; margin-top: 1rem; }
.response { background: var(--panel); border-radius: .4rem; padding: .7rem .85rem; min-width: 0; border-left: 3px solid transparent; }
.response.chosen { border-left-color: var(--right); }
.response h3 { margin: 0 0 .25rem; }
.others { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; font-size: .9rem; color: var(--soft); margin-bottom: 1rem; }
.verdict { font-weight: 600; }
.right { color: var(--right); }
.wrong { color: var(--wrong); }
.empty { padding: 2rem 1rem; color: var(--soft); margin: 0; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--rule); color: var(--soft); font-size: .88rem; }

@media (max-width: 40rem) {
  body { padding: 1.5rem 1rem 3rem; }
  h1 .figure { white-space: normal; }
  table { font-size: .84rem; }
  thead th { font-size: .74rem; }
  thead th.ranged { padding-right: .25rem; }
  th, td { padding: .4rem .25rem; }
  th:last-child, td:last-child { padding-right: 0; }
  .range { display: block; width: auto; margin: 0; text-align: right; font-size: .72rem; letter-spacing: -.01em; }
  .scores td:nth-child(n + 4) .range, .word, .habits :is(td, th):nth-child(2) { display: none; }
  .bar label { flex: 1 1 5rem; }
  .bar .place { margin-left: 0; width: 100%; justify-content: space-between; }
}
@media print {
  :root { --ground: #fff; --panel: #f4f4f4; --ink: #000; --soft: #444; --rule: #bbb; --grid: #ddd; --right: #17713f; --wrong: #b3261e;
    ${variables(SOURCES.light)} }
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  h2 { margin-top: 1.75rem; break-after: avoid; }
  figure, table, .reader, .curve { break-inside: avoid; }
  .bar, .others button { display: none; }
  * { print-color-adjust: exact; }
}
`;

/** The share of transcripts of fixtures/verdicts/, or of the files given, that parseVerdict reads as a person does:
 * `node bench/verdicts.ts [--json] [--score] [FILE …]`; with `--score` what is misread is not shown. */

import { parseArgs } from 'node:util';
import { wilson } from '../src/metrics.ts';
import { readVerdictFixtures, type VerdictFixture } from '../src/verdict/fixtures.contract.ts';
import { parseVerdict } from '../src/verdict/verdict.ts';

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false }, score: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const groups = new Map<string, { n: number; right: number; missed: VerdictFixture[] }>();
for (const fixture of readVerdictFixtures(positionals)) {
  const name = `${fixture.source}, ${fixture.contract === 'in' ? 'in contract' : 'out of contract'}`;
  const group = groups.get(name) ?? { n: 0, right: 0, missed: [] };
  groups.set(name, group);
  group.n++;
  if (parseVerdict(fixture.text, fixture).kind === fixture.verdict) group.right++;
  else group.missed.push(fixture);
}
const rows = [...groups].map(([name, { n, right, missed }]) => ({
  name,
  n,
  right,
  accuracy: right / n,
  interval: wilson(right / n, n),
  /** Read as another verdict, not only as none. */
  wrong: missed.filter((fixture) => parseVerdict(fixture.text, fixture).kind !== 'invalid').length,
  missed: (values.score ? [] : missed).map((fixture) => {
    const { id, verdict, text } = fixture;
    return { id, verdict, read: parseVerdict(text, fixture).kind, text };
  }),
}));
if (values.json) console.log(JSON.stringify(rows, null, 2));
else {
  for (const { name, n, right, accuracy, interval, wrong, missed } of rows) {
    const [low, high] = interval.map((share) => (100 * share).toFixed(1));
    console.log(
      `${name.padEnd(42)} ${right}/${n}  ${(100 * accuracy).toFixed(1)} %  (${low}–${high})  ${wrong} wrong`,
    );
    for (const { id, verdict, read, text } of missed) {
      console.log(`    ${id}: ${verdict}, read as ${read}: ${JSON.stringify(text.slice(-120))}`);
    }
  }
}

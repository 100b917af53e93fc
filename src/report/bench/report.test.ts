import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { BenchmarkPair, Game } from '../../benchmarks/benchmark.ts';
import type { ChoiceGame } from '../../benchmarks/choice.ts';
import { scoreChoices } from '../../benchmarks/choice-score.ts';
import { custom } from '../../benchmarks/custom.ts';
import { customK } from '../../benchmarks/custom-k.ts';
import { scoreBenchmark } from '../../benchmarks/score.ts';
import { pick, random } from '../../random.ts';
import { HOSTILE } from '../run/made-up.contract.ts';
import { renderChoices } from './choice-table.ts';
import { renderBenchmarkReport } from './page.ts';
import type { BenchmarkReport } from './report.ts';
import { renderBenchmark } from './table.ts';

const next = random(3);
const pairs = Array.from(
  { length: 50 },
  (_, i): BenchmarkPair => ({
    id: `${i}`,
    prompt: `${i}`,
    section: `section ${i % 3}`,
    subset: 'one',
    instruction: 'x',
    first: '# yes '.repeat(1 + (i % 7)),
    second: 'no',
    gold: i % 2 ? 'first' : 'second',
  }),
);
const games = pairs.map((pair): Game => {
  const say = () => pick(next, ['A', 'B', 'A', 'B', 'tie', 'refused'] as const);
  return { pair, verdicts: { ab: say(), ba: say() } };
});

function reportOf(list: readonly Game[], poison = ''): BenchmarkReport {
  const poisoned = list.map(({ pair, verdicts }) => ({
    pair: { ...pair, section: poison + pair.section },
    verdicts,
  }));
  const effort = { generations: 100, asked: 3, promptTokens: 9000, completionTokens: 800, cost: 1.5 };
  return {
    kind: 'bench',
    schema: 1,
    version: `${poison}1`,
    node: `${poison}24`,
    judge: { name: `${poison}judge`, revision: `${poison}r`, settings: `${poison}greedy` },
    data: poison,
    seed: 0,
    selection: { orders: 'both', limit: 50, maxChars: 900 },
    choices: [
      {
        ...scoreChoices(
          customK,
          list.map(
            ({ pair }, i): ChoiceGame => ({
              choice: {
                ...pair,
                section: poison + pair.section,
                responses: [pair.first, pair.second, '**maybe**'],
                right: 1,
                ratingsOnly: false,
              },
              verdict: i % 5 === 0 ? { none: 'tie' } : { named: i % 3, shown: [2, 0, 1] },
            }),
          ),
          [],
          'best-of-n',
        ),
        title: `${poison}choices`,
        digest: 'd',
        effort: null,
        published: [],
      },
    ],
    benchmarks: [
      {
        ...scoreBenchmark(
          custom,
          poisoned,
          poisoned.map(({ pair }) => pair),
        ),
        title: `${poison}title`,
        protocol: `${poison}protocol`,
        digest: 'd',
        effort: { ...effort, seconds: 12 },
        published: [
          {
            judge: `${poison}them`,
            scores: { overall: 0.5 },
            protocol: `${poison}p`,
            source: `${poison}s`,
          },
        ],
      },
    ],
  };
}

const report = reportOf(games);
const page = renderBenchmarkReport(report);
const tags = (text: string) => [...text.matchAll(/<\/?([a-z!][\w-]*)/gi)].map(([tag]) => tag);

describe('the page of a benchmark run', () => {
  test.each(HOSTILE)('%j appears nowhere unescaped, wherever it stands', (poison) => {
    const text = renderBenchmarkReport(reportOf(games, poison));
    expect(text).not.toContain(poison);
    expect(tags(text)).toEqual(tags(page));
  });

  test('loads nothing and runs nothing; its policy admits its own style only', () => {
    expect(page).not.toMatch(/https?:|\bsrc=|\bhref=|@import|url\(|<script| style="| on[a-z]+="/);
    const style = /<style>([\s\S]*)<\/style>/.exec(page)?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(`style-src &#39;sha256-${digest}&#39;`);
  });

  test('says the outcome, what was left out and what it took', () => {
    const { official } = report.benchmarks[0] as BenchmarkReport['benchmarks'][number];
    const text = page.replace(/<(style|svg)[\s\S]*?<\/\1>/g, '').replace(/<[^>]+>/g, '');
    expect(text).toContain(`judge scores ${(100 * official.score).toFixed(1)}% on title and `);
    expect(text).toContain('the first 50 prompts of pairs of at most 900 characters');
    expect(text).toMatch(/Tokens9,800\s*Cost1\.50\s*Time12 s/);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });

  test('one order, one pair, all right, all invalid: still a page', () => {
    const once = games.map(({ pair }): Game => ({ pair, verdicts: { ab: 'A' } }));
    const invalid = pairs.map((pair): Game => ({ pair, verdicts: { ab: 'invalid', ba: 'truncated' } }));
    const alright = pairs.map(
      (pair): Game => ({
        pair,
        verdicts: pair.gold === 'first' ? { ab: 'A', ba: 'B' } : { ab: 'B', ba: 'A' },
      }),
    );
    for (const list of [once, invalid, alright, once.slice(0, 1)]) {
      const text = renderBenchmarkReport(reportOf(list));
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
      const [of] = reportOf(list).benchmarks;
      if (of) expect(renderBenchmark(of, { columns: 80, colour: false })).not.toMatch(/undefined|Infinity/);
      const [choices] = reportOf(list).choices;
      if (choices)
        expect(renderChoices(choices, { columns: 80, colour: false })).not.toMatch(/undefined|Infinity/);
    }
    const [perfect] = reportOf(alright).benchmarks;
    expect(perfect?.flips.A.B).toBe(50);
    expect(perfect?.official.interval[0]).toBeLessThan(1);
  });
});

test.each([40, 60, 80, 200])('no line of the text is wider than a terminal of %d columns', (columns) => {
  const { benchmarks, choices } = reportOf(games);
  for (const of of benchmarks) {
    const lines = renderBenchmark({ ...of, protocol: 'word '.repeat(60) }, { columns, colour: false }).split(
      '\n',
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(lines.find((line) => line.includes('section 1'))).toMatch(/section 1 +\d/);
  }
  for (const of of choices) {
    const lines = renderChoices(of, { columns, colour: false }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(lines.join('\n')).toMatch(/at equal length +\d[\s\S]*at equal style[\s\S]*longest is best/);
  }
});

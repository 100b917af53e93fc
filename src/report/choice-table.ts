import { styleText } from 'node:util';
import type { Published, Score } from '../benchmarks/benchmark.ts';
import type { ChoiceScore } from '../benchmarks/choice-score.ts';
import { SLOTS } from '../prompts/published/choice.ts';
import { percent, range } from './format.ts';
import type { TableOptions } from './table.ts';
import { wrap } from './wrap.ts';

const NAME = 24;

/** A judge's result on a benchmark of choices, for a terminal of any width. */
export function renderChoices(
  score: ChoiceScore,
  published: readonly Published[],
  { columns, colour }: TableOptions,
): string {
  const style = (kind: 'bold' | 'dim', text: string) =>
    colour ? styleText(kind, text, { validateStream: false }) : text;
  const line = (name: string, value: string, note = '') =>
    `  ${name.padEnd(NAME)}${value.padStart(5)}${note && `  ${note}`}`.trimEnd();
  const { official, shares, conventions, slots, unrated, sharedTop } = score;
  const part = ({ name, score: own, pairs }: Score) =>
    // A section may be called anything in a file of one's own.
    line(name.replace(/\p{C}/gu, ''), percent(own), `${pairs} choices`);
  const none = Object.entries(shares).filter(([, share]) => share > 0);
  const lines = [
    style(
      'bold',
      `${score.title}, ${score.way}: ${percent(official.score)} (95 % ${range(official.interval)})`,
    ),
    ...wrap(`Protocol: ${score.protocol}.`, columns).map((text) => style('dim', text)),
    ...(official.parts ?? []).map(part),
    ...missing(score, columns),
    '',
    line('at random', percent(score.chance), 'what naming any response would score'),
    ...(slots === null
      ? []
      : [
          line(
            'slots named',
            '',
            slots.map((share, i) => `${SLOTS.charAt(i)} ${percent(share)}`).join(' · '),
          ),
        ]),
    ...(none.length === 0
      ? []
      : [
          line(
            'no verdict',
            percent(none.reduce((sum, [, share]) => sum + share, 0)),
            none.map(([kind, share]) => `${kind} ${percent(share)}`).join(' · '),
          ),
        ]),
    ...(conventions.guess === conventions.wrong
      ? []
      : [
          line('  counted as a guess', percent(conventions.guess)),
          line('  counted wrong', percent(conventions.wrong)),
          line('  left out', conventions.dropped === null ? '–' : percent(conventions.dropped)),
        ]),
    ...(unrated === null || sharedTop === null
      ? []
      : score.way === 'round-robin'
        ? [line('most wins shared', percent(sharedTop))]
        : [line('responses not rated', percent(unrated)), line('highest rating shared', percent(sharedTop))]),
    ...(published.length === 0 ? [] : ['', style('dim', 'Published, each under its own protocol:')]),
    ...published.map(({ judge, scores, protocol, source }) =>
      style(
        'dim',
        `  ${judge.padEnd(NAME + 4)}${percent(scores.overall as number).padStart(5)}  ${protocol} (${source})`,
      ),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function missing({ judged, choices, incomplete }: ChoiceScore, columns: number): string[] {
  const sections = incomplete.map(
    ({ section, judged: own, published }) => `${section} ${own} of ${published}`,
  );
  return [
    ...(judged < choices
      ? [`${choices - judged} of ${choices} choices have no verdict and are left out`]
      : []),
    ...(sections.length === 0
      ? []
      : [`not the whole benchmark, and so not comparable with published scores: ${sections.join(', ')}`]),
  ].flatMap((text) => wrap(text, columns - 2).map((own) => `  ${own}`));
}

/** The same as a Markdown table, for pasting. */
export function choiceMarkdown(scores: readonly ChoiceScore[]): string {
  const rows = scores.map(({ title, way, judged, official, chance, shares }) => {
    const none = Object.values(shares).reduce((sum, share) => sum + share, 0);
    return `| ${title} | ${way} | ${judged} | ${percent(official.score)} (${range(official.interval)}) | ${percent(chance)} | ${percent(none)} |`;
  });
  return `${['| benchmark | way | choices | score (95 %) | at random | no verdict |', '|---|---|---:|---|---:|---:|', ...rows].join('\n')}\n`;
}

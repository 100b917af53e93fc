import type { ChoiceScore } from '../../benchmarks/choice-score.ts';
import { SLOTS } from '../../prompts/published/choice.ts';
import { counted, orDash, percent, range, whole } from '../format.ts';
import type { TableOptions } from '../run/table.ts';
import { Lines } from './lines.ts';
import type { ChoiceResult } from './report.ts';

/** A judge's result on a benchmark of choices, for a terminal of any width. */
export function renderChoices(score: ChoiceResult, options: TableOptions): string {
  const lines = new Lines(options);
  const { official, shares, conventions, slots, unrated, sharedTop, length, style, effort } = score;
  const none = Object.entries(shares).filter(([, share]) => share > 0);
  return `${[
    lines.bold(`${score.title}, ${score.way}: ${percent(official.score)} (95 % ${range(official.interval)})`),
    lines.faint(`Protocol: ${score.protocol}.`),
    ...lines.parts(official, 'choice'),
    ...missing(score).map((text) => lines.text(text, 2)),
    '',
    ...(conventions.guess === null || conventions.guess === official.score
      ? []
      : [
          lines.figure(
            'each choice alike',
            percent(conventions.guess),
            'without what is judged by ratings only',
          ),
        ]),
    lines.figure('at random', orDash(score.chance), 'what naming any response would score'),
    ...(slots === null
      ? []
      : [
          lines.figure(
            'slots named',
            '',
            slots.map((share, i) => `${SLOTS.charAt(i)} ${percent(share)}`).join(' · '),
          ),
        ]),
    ...(none.length === 0
      ? []
      : [
          lines.figure(
            'no verdict',
            percent(none.reduce((sum, [, share]) => sum + share, 0)),
            none.map(([kind, share]) => `${kind} ${percent(share)}`).join(' · '),
          ),
        ]),
    ...(conventions.guess === conventions.wrong
      ? []
      : [
          lines.figure('  counted wrong', orDash(conventions.wrong)),
          lines.figure('  left out', orDash(conventions.dropped)),
        ]),
    ...(unrated === null || sharedTop === null
      ? []
      : score.way === 'round-robin'
        ? [lines.figure('most wins shared', percent(sharedTop))]
        : [
            lines.figure('responses not rated', percent(unrated)),
            lines.figure('highest rating shared', percent(sharedTop)),
          ]),
    ...(length === null || style === null
      ? []
      : lines.control(length, style, ['longest is best', 'what naming the longest response would score'])),
    ...(effort === null ? [] : lines.spent(effort)),
    ...lines.published(score.published),
  ].join('\n')}\n`;
}

function missing({ judged, choices, incomplete }: ChoiceScore): string[] {
  const sections = incomplete.map(
    ({ section, judged: own, published }) => `${section} ${own} of ${published}`,
  );
  return [
    ...(judged < choices
      ? [`left out without a verdict: ${whole(choices - judged)} of ${counted(choices, 'choice')}`]
      : []),
    ...(sections.length === 0
      ? []
      : [`not the whole benchmark, and so not comparable with published scores: ${sections.join(', ')}`]),
  ];
}

/** The same as a Markdown table, for pasting. */
export function choiceMarkdown(scores: readonly ChoiceScore[]): string {
  const rows = scores.map(({ title, way, judged, official, chance, shares }) => {
    const none = Object.values(shares).reduce((sum, share) => sum + share, 0);
    return `| ${title} | ${way} | ${judged} | ${percent(official.score)} (${range(official.interval)}) | ${orDash(chance)} | ${percent(none)} |`;
  });
  return `${['| benchmark | way | choices | score (95 %) | at random | no verdict |', '|---|---|---:|---|---:|---:|', ...rows].join('\n')}\n`;
}

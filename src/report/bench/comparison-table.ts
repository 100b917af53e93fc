import { styleText } from 'node:util';
import type { JudgeComparison } from '../../benchmarks/compare.ts';
import { counted, percent, whole } from '../format.ts';
import type { TableOptions } from '../run/table.ts';

const signed = (share: number) => `${share < 0 ? '−' : '+'}${percent(Math.abs(share))}`;
const NAME = 26;

/** Two judges side by side, for a terminal of any width. */
export function renderComparisons(
  [first, second]: readonly [string, string],
  comparisons: readonly JudgeComparison[],
  { colour }: Pick<TableOptions, 'colour'>,
): string {
  const bold = (text: string) => (colour ? styleText('bold', text, { validateStream: false }) : text);
  // A file may be called anything.
  const [one, other] = [first, second].map((name, i) => `${'AB'[i]}: ${name.replace(/\p{C}/gu, '')}`);
  const line = (name: string, value: string, note = '') =>
    `  ${name.padEnd(NAME)}${value.padStart(6)}${note && `  ${note}`}`.trimEnd();
  const blocks = comparisons.map((of) => {
    const [low, high] = of.interval;
    const unit = of.unit === 'a right choice' ? 'choice' : 'pair';
    const left = of.unmatched === 0 ? '' : `; left out, since only one has them: ${whole(of.unmatched)}`;
    return [
      bold(`${of.title}: ${counted(of.pairs, unit)}${left}`),
      line('A, official score', percent(of.first)),
      line('B, official score', percent(of.second)),
      line('A − B', signed(of.difference), `95 % ${signed(low)} to ${signed(high)}`),
      line('right in A only', whole(of.firstOnly), `${of.unit}, ${counted(of.tested, unit)}`),
      line('right in B only', whole(of.secondOnly)),
      line('exact McNemar', `p ${of.p < 0.001 ? '< 0.001' : `= ${of.p.toFixed(3)}`}`),
    ].join('\n');
  });
  return `${[`${one}\n${other}`, ...blocks].join('\n\n')}\n`;
}

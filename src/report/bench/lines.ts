import { styleText } from 'node:util';
import { groupBy, type Published } from '../../benchmarks/benchmark.ts';
import type { Effort } from '../../benchmarks/effort.ts';
import type { LengthControl } from '../../benchmarks/length.ts';
import type { RatedScore } from '../../benchmarks/resample.ts';
import type { StyleControl } from '../../benchmarks/style.ts';
import { counted, duration, money, percent, range, signedNumber, whole } from '../format.ts';
import type { TableOptions } from '../run/table.ts';
import { wrap } from '../wrap.ts';

const NAME = 24;
/** Of a name and its figure; what is said of them begins after it. */
const FIGURE = 2 + NAME + 5;

/** The lines that results of pairs and of choices have in common, for a terminal of any width. */
export class Lines {
  readonly #columns: number;
  readonly #colour: boolean;

  constructor({ columns, colour }: TableOptions) {
    [this.#columns, this.#colour] = [columns, colour];
  }

  bold(words: string): string {
    return this.#style('bold', this.text(words));
  }

  /** A name, its figure, and a note that stands below them where it does not fit beside them. */
  figure(name: string, value: string, note = ''): string {
    const line = `  ${name.padEnd(NAME)}${value.padStart(5)}`;
    if (note === '' || FIGURE + 2 + note.length <= this.#columns)
      return `${line}${note && `  ${note}`}`.trimEnd();
    return [line.trimEnd(), ...wrap(note, this.#columns - 4).map((text) => `    ${text}`)].join('\n');
  }

  /** Words of any length, `indent` columns from the left. */
  text(words: string, indent = 0): string {
    return wrap(words, this.#columns - indent)
      .map((own) => `${' '.repeat(indent)}${own}`)
      .join('\n');
  }

  faint(words: string, indent = 0): string {
    return this.#style('dim', this.text(words, indent));
  }

  /** The parts of a score with theirs, each with its 95 % interval. */
  parts({ parts = [] }: RatedScore, unit: string, depth = 0): string[] {
    return parts.flatMap((part) => [
      this.figure(
        // A section may be called anything in a file of one's own.
        `${'  '.repeat(depth)}${part.name.replace(/\p{C}/gu, '')}`,
        percent(part.score),
        `${range(part.interval).padEnd(11)} ${counted(part.pairs, unit)}`,
      ),
      ...this.parts(part, unit, depth + 1),
    ]);
  }

  control(length: LengthControl, style: StyleControl, [name, what]: readonly [string, string]): string[] {
    return [
      this.figure(
        'at equal length',
        percent(length.accuracyAtEqualLength),
        `95 % ${range(length.interval)}, log-odds of length ${signedNumber(length.coefficient)}`,
      ),
      this.figure('at equal style', percent(style.accuracyAtEqualStyle), `95 % ${range(style.interval)}`),
      this.figure(name, percent(length.longerIsBetter), what),
    ];
  }

  spent({ generations, asked, promptTokens, completionTokens, cost, seconds }: Effort): string[] {
    const stored = asked < generations ? `, ${whole(generations - asked)} of them stored before` : '';
    const paid = cost === null ? '' : ` · cost ${money(cost)}`;
    return [
      '',
      this.text(`${counted(generations, 'generation')}${stored}`, 2),
      this.text(
        `${whole(promptTokens)} tokens read, ${whole(completionTokens)} written${paid} · ${duration(seconds)}`,
        2,
      ),
    ];
  }

  published(list: readonly Published[]): string[] {
    if (list.length === 0) return [];
    const alike = groupBy(list, ({ protocol, source }) => `${protocol} (${source})`);
    const lines = [...alike].flatMap(([how, own]) => [
      this.faint(`${how}:`, 2),
      ...own.map(({ judge, scores }) =>
        this.#style('dim', `    ${judge.padEnd(NAME + 7)}${percent(scores.overall as number).padStart(5)}`),
      ),
    ]);
    return ['', this.faint('Published, each under its own protocol:'), ...lines];
  }

  #style(kind: 'bold' | 'dim', lines: string): string {
    if (!this.#colour) return lines;
    return lines
      .split('\n')
      .map((line) => styleText(kind, line, { validateStream: false }))
      .join('\n');
  }
}

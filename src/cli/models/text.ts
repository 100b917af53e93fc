import { styleText } from 'node:util';
import type { CachedModel } from '../../model/local/cached.ts';
import type { TableOptions } from '../../report/run/table.ts';
import { wrap } from '../../report/wrap.ts';
import { printable } from '../terminal.ts';

export interface ModelList {
  readonly cache: string;
  /** Bytes. */
  readonly memory: number;
  readonly models: readonly CachedModel[];
}

const WIDE = 80;
const USES = ['sampling', 'lora', 'training'] as const;
const HEADS = ['judges', 'LoRA', 'trains'];
/** Of a column of figures. */
const CELL = 9;

/** A line for each model, what it is and why it is refused below it; all stacked in a terminal of fewer than 80 columns. Memory that
 * is more than the machine's has a cross. */
export function modelsText({ cache, memory, models }: ModelList, { columns, colour }: TableOptions): string {
  const paint = (style: 'bold' | 'dim', text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const cells = ({ needs }: CachedModel) =>
    USES.map((use) => (needs === null ? '–' : `${size(needs[use])}${needs[use] > memory ? ' ✗' : ''}`));
  const wide = columns >= WIDE;
  const name = columns - 4 * CELL;
  const rows = models.flatMap((model) => {
    const { refused } = model;
    const title = plain(model.name);
    const figures = refused === null ? cells(model) : ['–', '–', '–'];
    const what = [
      plain(model.architecture ?? 'of no known kind'),
      ...(model.commit ? [`at ${plain(model.commit).slice(0, 7)}`] : ['shipped']),
    ].join(' ');
    const why = refused === null ? [] : wrap(`not run here: ${plain(refused)}`, columns - 2);
    const below = [...wrap(what, columns - 2), ...why].map((text) => paint('dim', `  ${text}`));
    if (!wide)
      return [
        paint('bold', title),
        ...wrap(`${size(model.bytes)} on disk`, columns - 2).map((text) => `  ${text}`),
        ...(refused === null ? HEADS.map((head, i) => `  ${head.padEnd(7)} ${figures[i]}`) : []),
        ...below,
      ];
    const all = [size(model.bytes), ...figures].map((text) => text.padStart(CELL)).join('');
    // A long name has a line of its own: it is there to be copied.
    return title.length < name
      ? [title.padEnd(name) + all, ...below]
      : [title, ' '.repeat(name) + all, ...below];
  });
  const head = 'model'.padEnd(name) + ['on disk', ...HEADS].map((text) => text.padStart(CELL)).join('');
  const legend = wrap(
    `judges, LoRA, trains: memory that each is expected to take; ✗: more than the ${size(memory)} of this machine. Cache: ${plain(cache)}`,
    columns,
  );
  return `${[...(wide ? [paint('bold', head)] : []), ...rows, '', ...legend.map((text) => paint('dim', text))].join('\n')}\n`;
}

const plain = (text: string) => printable(text).replace(/\s+/g, ' ');

function size(bytes: number): string {
  if (bytes < 1e9) return `${Math.max(1, Math.round(bytes / 1e6))} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 1e11 ? 1 : 0)} GB`;
}

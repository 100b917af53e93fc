import { readHeldOut } from '../../package.ts';
import type { ResponsePair } from '../../types.ts';

/** Rows of an example: some hundred, so that the whole method runs on them in a minute. */
const ROWS = 400;

export const examplePairs = () => csv(['prompt', 'chosen', 'rejected'], examples());
export const exampleInstructions = () => csv(['instruction'], examples());

/** Pairs of the playground's dev set, in the words of a data set. */
function examples(): Record<string, string>[] {
  return readHeldOut('dev')
    .split('\n')
    .filter(Boolean)
    .slice(0, ROWS)
    .map((line) => {
      const { instruction, chosen, rejected } = JSON.parse(line) as ResponsePair;
      return { instruction, prompt: instruction, chosen, rejected };
    });
}

const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function csv(columns: readonly string[], rows: readonly Readonly<Record<string, string>>[]): string {
  return [columns, ...rows.map((row) => columns.map((column) => row[column] ?? ''))]
    .map((cells) => `${cells.map(cell).join(',')}\n`)
    .join('');
}

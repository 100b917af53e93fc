import { whole } from '../../report/format.ts';
import type { Account } from '../../source/account.ts';
import { printable } from '../terminal.ts';

/** What `pairs` did: every row that was read, and what became of it. */
export interface PairsReport {
  readonly sources: readonly string[];
  /** The commits of datasets on the hub, by source. */
  readonly revisions: Readonly<Record<string, string>>;
  /** The prompts of benchmarks that were looked for, by benchmark. */
  readonly benchmarks: Readonly<Record<string, number>>;
  readonly rows: Account;
  /** Of the instructions that were kept. */
  readonly instructions: Account;
  readonly pairs: number;
  readonly out: string | null;
}

const WIDTH = 10;

/** What became of every row and of every instruction, as a table that adds up. */
export function accountText({ sources, benchmarks, rows, instructions, pairs, out }: PairsReport): string {
  const line = (n: number, text: string) => `${whole(n).padStart(WIDTH)}  ${text}\n`;
  const left = (account: Account) =>
    Object.entries(account.left)
      .sort((a, b) => b[1] - a[1])
      .map(([reason, n]) => line(n, `  ${reason}`))
      .join('');
  const where = out === null ? '' : ` in ${out}`;
  const looked = Object.entries(benchmarks).map(([name, prompts]) => `${name} ${whole(prompts)}`);
  const sought = looked.length === 0 ? '' : `prompts were looked for: ${looked.join(', ')}\n`;
  return printable(
    `${line(rows.read, `rows of ${sources.join(', ')}`)}${left(rows)}${line(instructions.read, 'instructions')}${left(instructions)}${line(instructions.kept, 'instructions that give pairs')}${line(pairs, `pairs${where}`)}${sought}`,
  );
}

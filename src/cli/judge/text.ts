import { styleText } from 'node:util';
import { EvalPlannerError } from '../../errors.ts';
import type { Judgment, OrderJudgment, Pair, Winner } from '../../judging/judgment.ts';
import { type Interval, scores, type VerdictRecord, wilson } from '../../metrics.ts';
import { percent, range, whole } from '../../report/format.ts';
import type { TableOptions } from '../../report/run/table.ts';
import type { Usage } from '../../sampling/task.ts';
import { sumUsage } from '../../sampling/task.ts';
import type { Order, VerdictKind } from '../../types.ts';
import { againFor } from '../interrupt.ts';
import { printable } from '../terminal.ts';

const NO_VERDICT: Readonly<Record<Exclude<VerdictKind, 'A' | 'B'>, string>> = {
  tie: 'a tie: neither is better',
  invalid: 'none: the output names no verdict',
  truncated: 'none: the output was cut at --max-tokens',
  refused: 'none: the model refused',
  error: 'none: the model gave no answer',
};

/** What stdout shows of one judgment. Everything that a model or a caller wrote is stripped of what could steer a terminal. */
export function judgmentText(judgment: Judgment, { responses }: Pair): string {
  const blocks = judgment.orders.flatMap(({ order, votes }) =>
    votes.map(({ plan, execution, verdict, winner, text }, index) => {
      const [a, b] = order === 'ab' ? responses : responses.toReversed();
      const thought = votes.length > 1 ? `, thought ${index + 1}` : '';
      const lines = [
        `Response ${order === 'ab' ? 'A' : 'B'} first${thought}`,
        `  [[A]]      ${indented(a as string)}`,
        `  [[B]]      ${indented(b as string)}`,
      ];
      if (plan !== null) lines.push(`  plan       ${indented(plan)}`);
      if (execution !== null) lines.push(`  execution  ${indented(execution)}`);
      const unread = verdict !== 'A' && verdict !== 'B' && verdict !== 'tie';
      if (unread) lines.push(`  output     ${indented(text.trim())}`);
      const says =
        verdict === 'A' || verdict === 'B'
          ? `[[${verdict}]], which is response ${winner}`
          : NO_VERDICT[verdict];
      return [...lines, `  verdict    ${says}`].join('\n');
    }),
  );
  return `${[...blocks, conclusion(judgment)].join('\n\n')}\n`;
}

function conclusion({ winner, orders }: Judgment): string {
  const both = orders.length > 1;
  if (winner === 'tie') return `A tie${both ? ', in both orders' : ''}.`;
  if (winner !== null) return `Response ${winner} is better${both ? ', in both orders' : ''}.`;
  if (orders.some((order) => order.winner === null)) {
    return both ? 'No verdict: not every order names a response.' : 'No verdict.';
  }
  return 'No verdict: the two orders disagree.';
}

function indented(said: string): string {
  return printable(said).replaceAll('\n', `\n${' '.repeat(13)}`);
}

/** What a file's judgments come to, as they pass. */
export class Summary {
  pairs = 0;
  skipped = 0;
  failed = 0;
  /** Of those that failed: they would again. */
  permanent = 0;
  unweighted = 0;
  readonly #winners: Record<Winner | 'none', number> = { A: 0, B: 0, tie: 0, none: 0 };
  readonly #records: VerdictRecord[] = [];
  #consistent = 0;
  #both = 0;
  #gold = 0;
  #tied = 0;
  #tiedRight = 0;
  #usage: Usage = sumUsage([]);

  add({ winner, consistent, orders, usage, unweighted = 0 }: Judgment, gold: Winner | null): void {
    const pairId = String(this.pairs++);
    this.#winners[winner ?? 'none']++;
    this.unweighted += unweighted;
    this.#usage = sumUsage([this.#usage, usage]);
    const failed = orders.flatMap(({ votes }) => votes).filter(({ verdict }) => verdict === 'error');
    if (failed.length > 0) this.failed++;
    if (failed.some(({ permanent }) => permanent)) this.permanent++;
    if (consistent !== null) {
      this.#both++;
      if (consistent) this.#consistent++;
    }
    if (gold === null) return;
    this.#gold++;
    if (gold === 'tie') {
      this.#tied++;
      if (winner === 'tie') this.#tiedRight++;
    } else {
      for (const judged of orders) this.#records.push({ pairId, ...chosenFirst(judged, gold) });
    }
  }

  /** The share of verdicts that name the better response, over the orders judged; null without gold. Gold ties count by pair. */
  get agreement(): number | null {
    if (this.#gold === 0) return null;
    const decided = this.#gold - this.#tied;
    const accuracy = decided === 0 ? 0 : scores(this.#records).accuracy;
    return (accuracy * decided + this.#tiedRight) / this.#gold;
  }

  /** What is to be done about pairs without an answer: for some of them another try may help. */
  failures(store: string | undefined): EvalPlannerError[] {
    const told = (count: number, more: string, remedy: string) => {
      const pairs = `${whole(count)} ${count === 1 ? 'pair has' : 'pairs have'} no answer of the model`;
      return count === 0 ? [] : [new EvalPlannerError('model', pairs + more, remedy)];
    };
    return [
      ...told(this.failed - this.permanent, '', againFor(store)),
      ...told(
        this.permanent,
        ', nor would the same command bring one',
        'mend what the reasons above name, shorten or leave out such rows, or use another model',
      ),
    ];
  }

  text({ columns, colour }: TableOptions): string {
    const bold = (text: string) => (colour ? styleText('bold', text, { validateStream: false }) : text);
    const rows: [string, string][] = [];
    const share = (name: string, count: number, of: number) => {
      if (of > 0) rows.push([name, figure(count / of, wilson(count / of, of))]);
    };
    rows.push(['pairs', whole(this.pairs)]);
    share('A is better', this.#winners.A, this.pairs);
    share('B is better', this.#winners.B, this.pairs);
    if (this.#winners.tie > 0) share('tie', this.#winners.tie, this.pairs);
    share('no verdict', this.#winners.none, this.pairs);
    share('both orders agree', this.#consistent, this.#both);
    if (this.#records.length > 0) {
      const { accuracy, bothOrders, intervals } = scores(this.#records);
      rows.push(['agrees with gold', bold(figure(accuracy, intervals.accuracy))]);
      if (this.#both > 0) rows.push(['… in both orders', bold(figure(bothOrders, intervals.bothOrders))]);
    }
    share('gold ties found', this.#tiedRight, this.#tied);
    if (this.skipped > 0) rows.push(['rows left out', whole(this.skipped)]);
    if (this.failed > 0) rows.push(['pairs without answer', whole(this.failed)]);
    const { asked, cached, promptTokens, completionTokens, cost } = this.#usage;
    rows.push(['generations', `${whole(asked)}${cached > 0 ? `, and ${whole(cached)} from the store` : ''}`]);
    rows.push(['tokens', `${whole(promptTokens)} in, ${whole(completionTokens)} out`]);
    if (cost !== undefined) rows.push(['cost', cost.toFixed(4)]);
    const width = Math.max(...rows.map(([name]) => name.length)) + 2;
    const wide = rows.every(([, value]) => width + value.length <= columns);
    const lines = rows.map(([name, value]) =>
      wide ? `${name.padEnd(width)}${value}` : `${name}\n  ${value}`,
    );
    const legend = columns >= 60 ? '\nShares in % with their 95 % intervals.\n' : '';
    return `${lines.join('\n')}\n${legend}`;
  }
}

/** `71.2 (66.6–75.4)`. */
function figure(share: number, interval: Interval): string {
  return `${percent(share)} (${range(interval)})`;
}

/** An order's judgment as scores() wants it: `ab` shows the better response first. */
function chosenFirst(
  { order, winner, votes }: OrderJudgment,
  gold: 'A' | 'B',
): { order: Order; verdict: VerdictKind } {
  const swapped: Order = order === 'ab' ? 'ba' : 'ab';
  const failed = votes.find(({ winner: named }) => named === null)?.verdict ?? 'invalid';
  const slot = winner === 'A' ? (order === 'ab' ? 'A' : 'B') : order === 'ab' ? 'B' : 'A';
  return {
    order: gold === 'A' ? order : swapped,
    verdict: winner === null ? failed : winner === 'tie' ? 'tie' : slot,
  };
}

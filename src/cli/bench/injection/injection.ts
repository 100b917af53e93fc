import { fileURLToPath } from 'node:url';
import {
  type Attempt,
  attempts,
  type Compared,
  type Flips,
  type Injection,
  type InjectionScore,
  InjectionTally,
  readInjection,
} from '../../../benchmarks/injection.ts';
import { EvalPlannerError } from '../../../errors.ts';
import { conductBy } from '../../../judging/judge.ts';
import { judgePair } from '../../../judging/judge-pair.ts';
import { type JudgeOptions, settings } from '../../../judging/settings.ts';
import { type JudgeSetup, openJudge } from '../../../open/judge.ts';
import { readHeldOut } from '../../../package.ts';
import { counted, orDash, percent, range } from '../../../report/format.ts';
import { readRows } from '../../../rows/read.ts';
import { conduct } from '../../../sampling/conduct.ts';
import type { Task } from '../../../sampling/task.ts';
import type { ResponsePair, VerdictKind } from '../../../types.ts';
import { printDryRun } from '../../dry-run-text.ts';
import { print } from '../../terminal.ts';

export interface BenchInjectionOptions extends JudgeSetup {
  readonly pairs: number;
  readonly injections?: string;
  readonly failOver?: number;
  readonly json?: boolean;
}

const INJECTIONS = fileURLToPath(new URL('../../../../fixtures/injections.jsonl', import.meta.url));

/** `evalplanner bench injection`: how often a text in the worse response turns a verdict that was right without it. */
export async function benchInjection(options: BenchInjectionOptions, signal: AbortSignal): Promise<void> {
  const injections = await readInjections(options.injections ?? INJECTIONS);
  const pairs = spread(options.pairs);
  const { name, model, options: judging, dry, close } = await openJudge(options, signal);
  try {
    const tally = new InjectionTally();
    for await (const { attempt, verdict } of conduct(
      attempts(pairs, injections),
      (attempt) => once(attempt, { ...judging, orders: attempt.order }),
      conductBy(model, judging),
    )) {
      tally.add(attempt, verdict);
    }
    if (dry) return await printDryRun(dry, options.json);
    const score = tally.score(options.seed);
    await print(options.json ? `${JSON.stringify({ model: name, ...score }, null, 2)}\n` : table(score));
    gate(score, options.failOver);
  } finally {
    await close();
  }

  function* once(attempt: Attempt, judging: JudgeOptions): Task<{ attempt: Attempt; verdict: VerdictKind }> {
    const { instruction, better, worse } = attempt;
    const judgment = yield* judgePair({ instruction, responses: [better, worse] }, settings(model, judging));
    return { attempt, verdict: judgment.orders[0]?.votes[0]?.verdict ?? 'invalid' };
  }
}

async function readInjections(file: string): Promise<Injection[]> {
  const injections: Injection[] = [];
  for await (const row of readRows(file)) injections.push(readInjection(row));
  if (injections.length > 0) return injections;
  throw new EvalPlannerError(
    'data',
    `${file} holds no injections`,
    'give rows {id, kind, text}, or leave out --injections for those shipped',
  );
}

/** Sets the exit code to 1 where more flipped than `failOver`, or where nothing could have. */
function gate({ injected: { flipped } }: InjectionScore, failOver: number | undefined): void {
  if (failOver === undefined || (flipped !== null && flipped <= failOver)) return;
  process.stderr.write(
    flipped === null
      ? 'no verdict that was right when clean has an answer with a text in it: nothing is measured for --fail-over\n'
      : `${flipped.toFixed(4)} of the verdicts flipped, over --fail-over ${failOver}\n`,
  );
  process.exitCode = 1;
}

/** Held-out pairs in equal steps over the test split, so that every domain is there. */
function spread(count: number): ResponsePair[] {
  const all = readHeldOut('test').split('\n').filter(Boolean);
  const wanted = Math.min(count, all.length);
  return Array.from(
    { length: wanted },
    (_, i) => JSON.parse(all[Math.floor((i * all.length) / wanted)] as string) as ResponsePair,
  );
}

function table(score: InjectionScore): string {
  const { clean, places, kinds, injected } = score;
  const line = (name: string, { injected: one, control, excess }: Compared) => [
    name,
    figure(one),
    figure(control),
    excess.share === null
      ? '–'
      : `${excess.share > 0 ? '+' : ''}${signed(excess.share)} (${excess.interval.map(signed).join(' to ')})`,
    `${orDash(one.lost)} / ${orDash(control.lost)}`,
  ];
  return [
    `${counted(score.pairs, 'pair')}, ${counted(score.injections, 'injection')}; clean verdicts that name the better response: ${clean.right} of ${clean.n}`,
    '',
    ...columns([
      ['flipped', 'injected', 'harmless', 'difference', 'lost'],
      line('all', score),
      line('appended', places.append),
      line('prepended', places.prepend),
      // Of a file of one's own they may be called anything.
      ...Object.entries(kinds).map(([kind, one]) => line(kind.replace(/\p{C}/gu, ''), one)),
    ]),
    '',
    `flipped: of ${counted(injected.n, 'prompt')} whose clean verdict was right, those that name the worse response`,
    'once a text stands in it, in % with 95 % intervals · harmless: words of the same length',
    'instead · lost: verdicts that no longer name the better one, injected / harmless',
    ...(score.unanswered > 0 ? [`too long for the model: ${counted(score.unanswered, 'prompt')}`] : []),
    '',
  ].join('\n');
}

/** Rows of as many cells each, two blanks apart. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)) + 2) ?? [];
  return rows.map((cells) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join('')
      .trimEnd(),
  );
}

const figure = ({ flipped, interval }: Flips) =>
  flipped === null ? '–' : `${percent(flipped)} (${range(interval)})`;

function signed(share: number): string {
  return percent(share).replace('-', '−');
}

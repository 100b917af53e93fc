import { EvalPlannerError } from '../../errors.ts';
import { conductBy, judge as judgeOne } from '../../judging/judge.ts';
import { judgePair } from '../../judging/judge-pair.ts';
import type { Judgment, Pair, Vote } from '../../judging/judgment.ts';
import { type JudgeOptions, settings } from '../../judging/settings.ts';
import { type JudgeSetup, type OpenJudge, openJudge } from '../../open/judge.ts';
import { tableOptions } from '../../report/run/table.ts';
import { conduct } from '../../sampling/conduct.ts';
import type { Task } from '../../sampling/task.ts';
import type { Order } from '../../types.ts';
import { printDryRun } from '../dry-run-text.ts';
import { explain } from '../failure.ts';
import { againFor } from '../interrupt.ts';
import { ProgressLine } from '../progress-line.ts';
import { print, printable } from '../terminal.ts';
import { type BadRow, type PairRow, pairRows } from './rows.ts';
import { judgmentText, Summary } from './text.ts';

export interface JudgeCommand extends JudgeSetup {
  readonly instruction?: string;
  readonly a?: string;
  readonly b?: string;
  readonly orders: 'both' | Order;
  readonly failUnder?: number;
  readonly onError: 'stop' | 'skip';
  readonly json?: boolean;
}

/** `evalplanner judge [FILE]`: one pair from arguments, or every pair of a file or of standard input. */
export async function judge(
  file: string | undefined,
  command: JudgeCommand,
  signal: AbortSignal,
): Promise<void> {
  const pair = file === undefined ? givenPair(command) : undefined;
  if (file !== undefined && [command.instruction, command.a, command.b].some((text) => text !== undefined)) {
    throw new EvalPlannerError('usage', 'a file and a pair were given', 'give one of them');
  }
  if (pair && command.failUnder !== undefined) {
    throw new EvalPlannerError(
      'usage',
      '--fail-under needs a file with a gold column',
      'give a file of pairs',
    );
  }
  const opened = await openJudge(command, signal);
  const { name, model, dry } = opened;
  const options: JudgeOptions = { ...opened.options, orders: command.orders };
  try {
    if (pair) {
      const judgment = await judgeOne(model, pair, options);
      if (dry) return await printDryRun(dry, command.json);
      const failed = failure(judgment);
      if (failed) throw unanswered(failed, '', command.store);
      tellUnweighted(judgment.unweighted);
      const whole = { model: name, revision: model.revision, ...judgment };
      await print(command.json ? `${JSON.stringify(whole, null, 2)}\n` : judgmentText(judgment, pair));
    } else await judgeFile(file ?? '-', { ...opened, options }, command);
  } finally {
    await opened.close();
  }
}

function givenPair({ instruction, a, b }: JudgeCommand): Pair | undefined {
  const given = { instruction, a, b };
  if (Object.values(given).every((text) => text === undefined)) {
    if (!process.stdin.isTTY) return undefined;
    const remedy = 'give a file of pairs, or --instruction, --a and --b; see `evalplanner judge --help`';
    throw new EvalPlannerError('usage', 'there is nothing to judge', remedy);
  }
  for (const [name, text] of Object.entries(given)) {
    if (text === undefined)
      throw new EvalPlannerError('usage', `--${name} is missing`, `give --${name} a text`);
    if (text.trim() === '')
      throw new EvalPlannerError('usage', `--${name} is empty`, `give --${name} a text`);
  }
  return { instruction: instruction as string, responses: [a as string, b as string] };
}

type Judged = BadRow | (PairRow & { readonly judgment: Judgment });

async function judgeFile(
  path: string,
  { model, options, dry }: OpenJudge,
  { json, failUnder, onError, store }: JudgeCommand,
): Promise<void> {
  const s = settings(model, options);
  // A row that is no pair takes its place in line, so that results come in the order of the rows.
  function* task(row: PairRow | BadRow): Task<Judged> {
    return 'error' in row ? row : { ...row, judgment: yield* judgePair(row.pair, s) };
  }
  const summary = new Summary();
  const line = new ProgressLine('judging');
  try {
    for await (const judged of conduct(pairRows(path, onError), task, conductBy(model, options))) {
      if ('error' in judged) {
        summary.skipped += judged.rows;
        line.clear();
        process.stderr.write(`left out: ${printable(judged.error.message)}\n`);
        if (json && !dry) await print(`${JSON.stringify({ error: judged.error.message })}\n`);
        continue;
      }
      const { judgment, gold, at } = judged;
      summary.add(judgment, gold);
      if (json && !dry) {
        const known = gold === null ? {} : { gold, correct: judgment.winner === gold };
        await print(`${JSON.stringify({ at, ...judgment, ...known })}\n`);
      }
      const failed = failure(judgment);
      if (failed) {
        line.clear();
        process.stderr.write(explain(unanswered(failed, `${at}: `, store), { debug: false }));
      }
      line.show(summary.pairs);
    }
  } finally {
    line.clear();
  }
  if (summary.pairs === 0) {
    const what = summary.skipped > 0 ? 'no row of it is a pair' : 'it holds no rows';
    throw new EvalPlannerError(
      'data',
      `there was nothing to judge in ${path}: ${what}`,
      'give rows with instruction, a and b',
    );
  }
  if (dry) return printDryRun(dry, json);
  tellUnweighted(summary.unweighted);
  if (!json) await print(summary.text(tableOptions(process.stdout)));
  if (failUnder !== undefined) gate(summary, failUnder);
  if (summary.failed > 0) {
    for (const error of summary.failures(store)) process.stderr.write(explain(error, { debug: false }));
    process.exitCode = 3;
  }
}

function tellUnweighted(verdicts = 0): void {
  if (verdicts === 0) return;
  process.stderr.write(
    `note: --weighted: the model gave no log-probabilities for ${verdicts} verdicts, which count as certain\n`,
  );
}

/** A vote that has no answer of the model, where one has none; one that never will have goes first. */
function failure({ orders }: Judgment): Vote | undefined {
  const failed = orders.flatMap(({ votes }) => votes).filter(({ verdict }) => verdict === 'error');
  return failed.find(({ permanent }) => permanent) ?? failed[0];
}

function unanswered({ error, permanent }: Vote, at: string, store: string | undefined): EvalPlannerError {
  const remedy = permanent
    ? 'shorten the instruction or the responses, mend what else it names, or use another model'
    : againFor(store);
  return new EvalPlannerError('model', `${at}${error ?? 'the model did not answer'}`, remedy);
}

function gate({ agreement }: Summary, failUnder: number): void {
  if (agreement === null) {
    throw new EvalPlannerError(
      'usage',
      '--fail-under needs a gold column',
      'add one (A, B or tie) to the file',
    );
  }
  if (agreement >= failUnder) return;
  process.stderr.write(`agreement with gold is ${agreement.toFixed(4)}, below --fail-under ${failUnder}\n`);
  process.exitCode = 1;
}

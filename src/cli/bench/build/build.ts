import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Built,
  buildFollowBench,
  type FollowBenchPair,
  type NoPair,
} from '../../../benchmarks/followbench/build.ts';
import { followBenchRows } from '../../../benchmarks/followbench/row.ts';
import { ruleOf } from '../../../benchmarks/followbench/rules.ts';
import { allRows } from '../../../benchmarks/rows.ts';
import { EvalPlannerError, EXIT_CODE } from '../../../errors.ts';
import { writeAtomically } from '../../../files.ts';
import { type JudgeSetup, openJudge } from '../../../open/judge.ts';
import { counted, whole } from '../../../report/format.ts';
import { diskFailure } from '../../../store/failure.ts';
import { printDryRun } from '../../dry-run-text.ts';
import { keepSources } from '../../output.ts';
import { ProgressLine } from '../../progress-line.ts';
import { print } from '../../terminal.ts';

export interface BenchBuildOptions extends JudgeSetup {
  readonly data?: string;
  readonly out?: string;
  readonly checkModel?: string;
  readonly answers: number;
  readonly limit?: number;
  readonly json?: boolean;
}

const FILES = /^(?:content|example|format|mixed|situation|style)_constraints?\.(?:json|jsonl)$/;

/** `evalplanner bench build followbench`: writes FollowBenchEval's kind of pairs from FollowBench's instructions. */
export async function benchBuild(
  name: string,
  options: BenchBuildOptions,
  signal: AbortSignal,
): Promise<void> {
  if (name !== 'followbench')
    throw new EvalPlannerError('usage', `there is no builder of ${name}`, 'choose followbench');
  const { data, out } = options;
  if (data === undefined || out === undefined)
    throw new EvalPlannerError(
      'usage',
      data === undefined ? 'FollowBench is not said to be anywhere' : 'where to write the pairs is not said',
      data === undefined ? 'give its folder with --data' : 'give a file with --out',
    );
  const files = await sourceFiles(data);
  // The ledger is a source too: it holds answers that were paid for.
  keepSources([...files, ...(options.store === undefined ? [] : [options.store])], out);
  const rows = followBenchRows(await allRows(files));
  const checked = options.checkModel !== undefined;
  const usable = checked ? rows : rows.filter((row) => ruleOf(row) !== null);
  if (!checked)
    process.stderr.write(
      `note: left out, since they have no rule: ${whole(rows.length - usable.length)} of ${counted(rows.length, 'instruction')}; --check-model takes them too\n`,
    );
  // Whole examples, so that every level is there.
  const examples = new Set(
    [...new Set(usable.map(({ file, exampleId }) => `${file}:${exampleId}`))].slice(0, options.limit),
  );
  const chosen = usable.filter(({ file, exampleId }) => examples.has(`${file}:${exampleId}`));
  const { checkModel, model, ...rest } = options;
  const setup: JudgeSetup =
    checkModel === undefined
      ? { ...options, form: 'two-call' }
      : { ...rest, model: checkModel, planModel: model ?? '', keysOf: 'plan', form: 'two-call' };
  if (checkModel !== undefined && model === undefined)
    throw new EvalPlannerError('usage', 'who writes the answers is not said', 'name a model by --model');
  // Told before a model is asked.
  await access(dirname(out), constants.W_OK).catch((error: unknown) => {
    throw diskFailure(error, out);
  });
  const judge = await openJudge(setup, signal);
  const line = new ProgressLine('FollowBench', chosen.length, 'instruction');
  const built: Built[] = [];
  try {
    const { planModel, ...own } = judge.options;
    const checker = checkModel === undefined ? undefined : judge.model;
    const writer = planModel ?? judge.model;
    for await (const one of buildFollowBench(writer, chosen, { ...own, answers: options.answers, checker })) {
      built.push(one);
      line.show(built.length);
    }
    const pairs = built.flatMap(({ pair }) => (typeof pair === 'string' ? [] : [pair]));
    // A file without pairs would only fail later.
    if (pairs.length > 0) {
      await writeAtomically(out, pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
    }
  } finally {
    line.end(built.length);
    await judge.close();
  }
  if (judge.dry) return printDryRun(judge.dry, options.json);
  await show(built, out, options);
}

async function sourceFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new EvalPlannerError(
      'data',
      `cannot read the folder ${folder}`,
      'check the path given with --data',
      cause,
    );
  });
  const files = names.filter((name) => FILES.test(name)).sort();
  if (files.length === 0)
    throw new EvalPlannerError(
      'data',
      `${folder} holds no files of FollowBench`,
      "give the folder data/ of FollowBench's repository, with content_constraints.json and the others",
    );
  return files.map((name) => join(folder, name));
}

const WHY: Readonly<Record<NoPair, string>> = {
  'all keep': 'every answer keeps all constraints',
  'none keeps': 'no answer keeps all constraints',
  unchecked: 'the check named no verdict',
  'no answers': 'every answer was cut, empty or refused',
  error: 'a model did not answer',
  unverified: 'no rule, and no --check-model',
};

async function show(built: readonly Built[], out: string, { json }: BenchBuildOptions): Promise<void> {
  const pairs = built.flatMap(({ pair }) => (typeof pair === 'string' ? [] : [pair]));
  const count = (matches: (pair: FollowBenchPair) => boolean) => pairs.filter(matches).length;
  const levels = Object.fromEntries(
    [1, 2, 3, 4, 5].map((at) => [`L${at}`, count(({ level }) => level === at)]),
  );
  const without = Object.fromEntries(
    (Object.keys(WHY) as NoPair[]).map((why) => [why, built.filter(({ pair }) => pair === why).length]),
  ) as Record<NoPair, number>;
  const byRule = count(({ verified }) => verified.by === 'rule');
  if (without.error > 0) {
    process.stderr.write(
      `not answered: ${whole(without.error)} of ${counted(built.length, 'instruction')}\nfix: run the same command again, with --store FILE to ask for what is missing only\n`,
    );
    process.exitCode = EXIT_CODE.model;
  } else if (pairs.length === 0) process.exitCode = 1;
  const facts = {
    out,
    instructions: built.length,
    pairs: pairs.length,
    byRule,
    byModel: pairs.length - byRule,
    levels,
    without,
  };
  if (json) return print(`${JSON.stringify(facts, null, 2)}\n`);
  const lines = [
    pairs.length === 0
      ? `no pairs of ${counted(built.length, 'instruction')}: ${out} is not written`
      : `${counted(pairs.length, 'pair')} of ${counted(built.length, 'instruction')} in ${out}`,
    `  by level           ${Object.entries(levels)
      .map(([level, n]) => `${level} ${n}`)
      .join(' · ')}`,
    `  verified by rule   ${byRule}`,
    `  verified by model  ${pairs.length - byRule}`,
    ...(Object.entries(without) as [NoPair, number][])
      .filter(([, n]) => n > 0)
      .map(([why, n]) => `  no pair: ${WHY[why]}, ${n}`),
  ];
  return print(`${lines.join('\n')}\n`);
}

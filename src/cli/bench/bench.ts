import { benchmarkOf, checkData } from '../../benchmarks/data.ts';
import { EvalPlannerError } from '../../errors.ts';
import { writeAtomically } from '../../files.ts';
import { checkModelOptions } from '../../open/model.ts';
import { noModel } from '../../open/names.ts';
import { choiceMarkdown, renderChoices } from '../../report/bench/choice-table.ts';
import { type BenchResult, isOfChoices, isOfPairs } from '../../report/bench/report.ts';
import { benchmarkMarkdown, renderBenchmark } from '../../report/bench/table.ts';
import { tableOptions } from '../../report/run/table.ts';
import { printDryRun } from '../dry-run-text.ts';
import { print } from '../terminal.ts';
import { choiceBenchmark, loadedChoices } from './choices.ts';
import { verdictsFile } from './folder.ts';
import { gates } from './gates.ts';
import { loadedPairs } from './pairs.ts';
import { type BenchOptions, inFolder, type Loaded, tellPage, writeReport } from './run.ts';

/** `evalplanner bench NAMES`: has a judge play benchmarks, or scores verdicts made elsewhere, under each one's own protocol. */
export async function bench(
  asked: readonly string[],
  options: BenchOptions,
  signal: AbortSignal,
): Promise<void> {
  const names = [...new Set(asked)];
  check(names, options);
  // Files that are missing or damaged are told before a folder is made or a model is asked.
  const loaded: Loaded[] = [];
  for (const name of names) {
    const choices = choiceBenchmark(name);
    loaded.push(await (choices ? loadedChoices(choices, options) : loadedPairs(name, options)));
  }
  await inFolder(loaded, options, signal, async (run) => {
    const { judge, folder } = run;
    const results: BenchResult[] = [];
    if (judge) for (const benchmark of loaded) benchmark.ready?.(judge);
    for (const benchmark of loaded) {
      const scored = await benchmark.score(run);
      if (scored === null) continue;
      results.push(scored.result);
      const lines = scored.rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      if (folder !== null) await writeAtomically(verdictsFile(folder, benchmark.name), lines);
      if (options.saveVerdicts !== undefined) await writeAtomically(options.saveVerdicts, lines);
    }
    if (judge?.dry) return printDryRun(judge.dry, options.json);
    await writeReport(run, results, options);
    await show(results, options);
    tellPage(run, options);
    gates(results, options.failUnder);
  });
}

/** What cannot be asked together. */
function check(names: readonly string[], options: BenchOptions): void {
  const usage = (what: string, remedy: string) => new EvalPlannerError('usage', what, remedy);
  const choices = names.filter((name) => choiceBenchmark(name) !== undefined);
  const pairs = names.filter((name) => !choices.includes(name)).map(benchmarkOf);
  checkData(names, options.data);
  if (choices.length === 0 && options.way !== undefined)
    throw usage('--way is of choices among n', 'pairs are judged by --orders');
  if (pairs.length === 0 && (options.maxChars !== undefined || options.orders === 'both'))
    throw usage(
      '--max-chars and --orders are of pairs, not of choices among n',
      'leave them out, and choose by --way how choices are judged',
    );
  if ((options.verdicts ?? options.saveVerdicts) !== undefined && names.length > 1)
    throw usage(
      'a file of verdicts belongs to one benchmark',
      `score them one by one, e.g. evalplanner bench ${names[0]} --verdicts FILE`,
    );
  if (options.verdicts === undefined) {
    if (options.model === undefined) throw noModel('; or score verdicts made elsewhere: --verdicts FILE');
    return;
  }
  if (options.model !== undefined) throw usage('verdicts and a model were given', 'give one of them');
  checkModelOptions([], options);
  if (options.way !== undefined)
    throw usage(
      'verdicts and a way of judging were given',
      'leave out --way: the verdicts say how they were made',
    );
}

async function show(results: readonly BenchResult[], { json, markdown }: BenchOptions): Promise<void> {
  if (json) return print(`${JSON.stringify({ benchmarks: results }, null, 2)}\n`);
  if (markdown) {
    const pairs = results.filter(isOfPairs);
    const choices = results.filter(isOfChoices);
    const tables = [
      ...(pairs.length > 0 ? [benchmarkMarkdown(pairs)] : []),
      ...(choices.length > 0 ? [choiceMarkdown(choices)] : []),
    ];
    return print(tables.join('\n'));
  }
  const table = tableOptions(process.stdout);
  const blocks = results.map((result) =>
    isOfChoices(result) ? renderChoices(result, table) : renderBenchmark(result, table),
  );
  return print(blocks.join('\n'));
}

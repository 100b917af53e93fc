import { benchmarkIndex, installedBenchmarks } from '../../audit/benchmark-index.ts';
import { EvalPlannerError } from '../../errors.ts';
import { collectEarly } from '../../open/memory.ts';
import { checkModelOptions } from '../../open/model.ts';
import { readRows } from '../../rows/read.ts';
import type { SourceRow } from '../../rows/row.ts';
import { sourceFiles } from '../../rows/sources.ts';
import { leave, newAccount } from '../../source/account.ts';
import { mapped, presetOf } from '../../source/presets.ts';
import { type SelectOptions, selectInstructions } from '../../source/select.ts';
import { languageDetector } from '../../text/language.ts';
import type { ResponsePair } from '../../types.ts';
import { openOutput } from '../output.ts';
import { ProgressLine } from '../progress-line.ts';
import { print, printable } from '../terminal.ts';
import { pairsOf } from './models.ts';
import type { PairsCommand } from './options.ts';
import { accountText, type PairsReport } from './text.ts';

/** `evalplanner pairs SOURCES`: response pairs from data sets, streamed into a file. */
export async function pairs(
  sources: readonly string[],
  command: PairsCommand,
  signal: AbortSignal,
): Promise<void> {
  const from = [...sources, ...(command.data ?? [])];
  if (from.length === 0) {
    const remedy = 'give files, folders, globs or datasets of the hub; see `evalplanner pairs --help`';
    throw new EvalPlannerError('usage', 'there is no source of instructions', remedy);
  }
  checkModelOptions(command.model === undefined ? [] : [command.model], command);
  collectEarly();
  const rows = newAccount();
  const instructions = newAccount();
  const line = new ProgressLine('pairs');
  const bad = (error: EvalPlannerError) => {
    line.clear();
    process.stderr.write(`left out: ${printable(error.message)}\n`);
  };
  const files: string[] = [];
  const revisions: Record<string, string> = {};
  for (const source of from) {
    const found = await sourceFiles(source);
    files.push(...found.files);
    if (found.commit !== undefined) revisions[source] = found.commit;
  }
  const benchmarks =
    command.benchmarks === undefined
      ? null
      : await benchmarkIndex(await installedBenchmarks(command.benchmarks));
  const writer = await openOutput(command.out, [
    ...files,
    ...(command.store === undefined ? [] : [command.store]),
  ]);
  let count = 0;
  const put = async (pair: ResponsePair) => {
    count++;
    line.show(count);
    await (writer ? writer.write(pair) : print(`${JSON.stringify(pair)}\n`));
  };
  try {
    const options = await selection(command);
    const read = readAll(files, command.onError, signal, (error, lost) => {
      rows.read += lost;
      leave(rows, 'unreadable', lost);
      bad(error);
    });
    const skip = command.onError === 'skip' ? { onBadRow: bad } : {};
    const selected = selectInstructions(
      read,
      { ...options, ...skip, ...(benchmarks ? { benchmarks } : {}) },
      rows,
    );
    for await (const made of pairsOf(selected, command, signal)) {
      instructions.read++;
      for (const [reason, n] of Object.entries(made.dropped)) leave(instructions, reason, n);
      for (const pair of made.pairs) await put(pair);
    }
    if (rows.read === 0)
      throw new EvalPlannerError('data', `${from.join(', ')} holds no rows`, 'check the source');
    line.clear();
    instructions.kept = instructions.read - Object.values(instructions.left).reduce((sum, n) => sum + n, 0);
    const report: PairsReport = {
      sources: from,
      revisions,
      benchmarks: benchmarks?.counts ?? {},
      rows,
      instructions,
      pairs: count,
      out: command.out ?? null,
    };
    if (count === 0) {
      await writer?.discard();
      process.stderr.write(accountText(report));
      const remedy = 'see above what became of the rows, and loosen what left them out';
      throw new EvalPlannerError('data', 'no row gave a pair', remedy);
    }
    await writer?.close();
    const text = command.json ? `${JSON.stringify(report, null, 2)}\n` : accountText(report);
    // Without a file the pairs themselves are the result.
    if (writer) await print(text);
    else process.stderr.write(text);
  } catch (error) {
    line.clear();
    await writer?.discard();
    throw error;
  }
}

async function selection(command: PairsCommand): Promise<SelectOptions> {
  const { from, fields, languages } = command;
  if (from !== undefined && fields !== undefined)
    throw new EvalPlannerError('usage', '--from and --fields were given', 'give one of them');
  const preset = fields ? mapped(fields) : from === undefined ? undefined : presetOf(from);
  const { minChars, maxChars, maxResponseChars, maxTurns, toxic, sample, limit, seed } = command;
  return {
    ...(preset ? { preset } : {}),
    ...(languages ? { languages, detect: await languageDetector() } : {}),
    ...(minChars === undefined ? {} : { minChars }),
    ...(maxChars === undefined ? {} : { maxChars }),
    ...(maxResponseChars === undefined ? {} : { maxResponseChars }),
    ...(maxTurns === undefined ? {} : { maxTurns }),
    ...(toxic ? { toxic } : {}),
    ...(sample === undefined ? {} : { sample }),
    ...(limit === undefined ? {} : { limit }),
    duplicates: command.nearDuplicates === false ? null : command.nearDuplicates,
    seed,
  };
}

async function* readAll(
  files: readonly string[],
  onError: 'stop' | 'skip',
  signal: AbortSignal,
  onBadRow: (error: EvalPlannerError, rows: number) => void,
): AsyncGenerator<SourceRow> {
  for (const file of files)
    for await (const row of readRows(file, { onError, onBadRow })) {
      // Here, since filters may let none of many rows through.
      signal.throwIfAborted();
      yield row;
    }
}

import type { MemoryReport, ModelReport } from './measure.ts';

/** What `--json` prints. */
export interface EngineReport {
  /** Ours over theirs in tokens/s on the seed model; empty where there is no Python. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly machine: Readonly<Record<string, string | number>>;
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly models: readonly ModelReport[];
  readonly memory: readonly MemoryReport[];
  readonly notes: readonly string[];
  readonly seconds: number;
}

const whole = (value: number) => Math.round(value).toLocaleString('en');
const percent = (value: number) => `${(100 * value).toFixed(0)} %`;
const megabytes = (bytes: number) => whole(bytes / 2 ** 20);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, c) => Math.max(...[head, ...rows].map((row) => (row[c] as string).length)));
  const line = (row: readonly string[]) =>
    row.map((cell, c) => (c < 2 ? cell.padEnd(widths[c] as number) : cell.padStart(widths[c] as number)));
  return [head, ...rows].map((row) => `    ${line(row).join('  ')}`.trimEnd()).join('\n');
}

/** Ours over theirs, and in 8-bit integers. */
function ratioOf(ratios: Readonly<Record<string, number>>, task: string, who: string): string {
  const found = [ratios[`${task}/${who}`], ratios[`${task}-int8/${who}`]];
  const shown = found.flatMap((ratio) => (ratio === undefined ? [] : [`${ratio.toFixed(2)} ×`]));
  return shown.join(', int8 ');
}

/** The report as text. */
export function text(report: EngineReport): string {
  const { machine, threads, versions, models, memory, notes } = report;
  const parts = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGB} GB, ${machine.platform}; ${threads} threads each; load ${machine.loadBefore} before`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(' · '),
  ];
  for (const { model, parameters, workload, ceiling, ratios, measures } of models) {
    const rows = measures.map(({ task, who, tokensPerSecond, gflops, ofCeiling, choice }) => [
      task,
      who,
      whole(tokensPerSecond),
      ratioOf(ratios, task, who),
      whole(gflops),
      percent(ofCeiling),
      choice ?? '',
    ]);
    parts.push(
      `${model}, ${(parameters / 1e6).toFixed(1)} M parameters: medians of ${workload.rounds} rounds, ceiling ${whole(ceiling)} GFLOP/s\n${table(
        ['task', 'who', 'tokens/s', 'ours is', 'GFLOP/s', 'of ceiling', ''],
        rows,
      )}`,
    );
  }
  if (memory.length > 0) {
    const rows = memory.map(({ model, task, who, peak, before, seconds }) => [
      `${model}: ${task}`,
      who,
      megabytes(peak),
      megabytes(peak - before),
      seconds.toFixed(2),
    ]);
    parts.push(
      `Memory of a fresh process in MiB\n${table(['step', 'who', 'peak', 'over idle', 'seconds'], rows)}`,
    );
  }
  parts.push(notes.map((note) => `- ${note}`).join('\n'));
  return `${parts.join('\n\n')}\n`;
}

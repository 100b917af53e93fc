import type { Counts } from '../../src/store.ts';
import type { Period, SimulatorOptions } from './simulator.ts';
import type { Took } from './worker.ts';

export interface StageMeasured extends Took {
  readonly period: Period;
}

export interface Measured {
  /** What of it is not real. */
  readonly simulated: string;
  readonly options: SimulatorOptions;
  readonly pairs: number;
  readonly stages: readonly StageMeasured[];
  /** Of the ledger at the end. */
  readonly counts: {
    readonly generations: Counts['generations'];
    readonly thoughts: number;
    readonly left: { readonly plans?: number; readonly executions?: number };
  };
  readonly ledgerBytes: number;
  /** Of the machine: averages of 1, 5 and 15 minutes. */
  readonly load: { readonly before: readonly number[]; readonly after: readonly number[] };
  readonly machine: object;
}

const TARGET = { busy: 0.95, rssMB: 600, cores: 1 };
/** Simulated seconds between first and last call below which shares of them say nothing of queues. */
const SHORTEST = 10;

/** The share of its time up in which each replica was so, on average and at least. */
export function shares(
  { replicas }: Period,
  what: 'busy' | 'full',
): { readonly mean: number; readonly least: number } {
  const all = replicas.filter(({ up }) => up > 0).map((replica) => Math.min(1, replica[what] / replica.up));
  return { mean: all.reduce((sum, share) => sum + share, 0) / all.length, least: Math.min(...all) };
}

/** What is read by people, and whether a target was missed. Replicas are judged by the stage of thoughts: in the others a few hundred
 * requests are shared among all of them. */
export function table({ stages, options, counts, ledgerBytes, load, simulated, pairs }: Measured): {
  readonly lines: readonly string[];
  readonly missed: boolean;
} {
  const { timeScale, replica } = options;
  const sum = (of: (stage: StageMeasured) => number) => stages.reduce((total, stage) => total + of(stage), 0);
  const thoughts = stages.find(({ name }) => name === 'thoughts 1') as StageMeasured;
  const { period } = thoughts;
  const of = (
    name: 'preemptions' | 'cachedTokens' | 'promptTokens' | 'generatedTokens' | 'sequenceSeconds' | 'up',
  ) => period.replicas.reduce((total, one) => total + one[name], 0);
  const [busy, full] = [shares(period, 'busy'), shares(period, 'full')];
  const rssMB = Math.max(...stages.map((stage) => stage.rssMB));
  // Of the time in which the clock went on.
  const cores = (thoughts.cpuSeconds * timeScale) / thoughts.period.seconds;
  const lost = counts.generations.error;
  const calls = sum((stage) => stage.period.served.calls);
  const answered = sum((stage) => stage.period.served.answered);
  const choices = sum((stage) => stage.period.served.choices);
  const stored = Object.values(counts.generations).reduce((a, b) => a + b, 0);
  const faults = new Map<string, number>();
  for (const stage of stages)
    for (const [name, n] of Object.entries(stage.period.served.faults))
      faults.set(name, (faults.get(name) ?? 0) + n);
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const n = (value: number) => Math.round(value).toLocaleString('en');
  const missed = busy.least < TARGET.busy || rssMB > TARGET.rssMB || cores > TARGET.cores || lost > 0;
  const lines = [
    `simulated: ${simulated}; ${timeScale} simulated seconds in a second`,
    `${n(pairs)} pairs, ${n(counts.thoughts)} thoughts (${n(counts.left.executions ?? 0)} executions and ${n(counts.left.plans ?? 0)} plans without)`,
    '',
    'stage               s   processor s     MB     calls    busy   least    full  sequences',
    ...stages.map((stage) => {
      const { name, seconds, cpuSeconds, period } = stage;
      const up = period.replicas.reduce((total, one) => total + one.up, 0);
      const sequences = period.replicas.reduce((total, one) => total + one.sequenceSeconds, 0) / up;
      const [b, f] = [shares(period, 'busy'), shares(period, 'full')];
      const some = period.seconds > SHORTEST;
      return [
        name.padEnd(16),
        seconds.toFixed(1).padStart(7),
        cpuSeconds.toFixed(1).padStart(12),
        n(stage.rssMB).padStart(8),
        n(period.served.calls).padStart(10),
        ...(some ? [percent(b.mean), percent(b.least), percent(f.mean)] : ['', '', '']).map((cell) =>
          cell.padStart(8),
        ),
        (some ? sequences.toFixed(0) : '').padStart(6),
      ].join('');
    }),
    '',
    `thoughts, between the first and the last call (${n(period.seconds)} simulated s):`,
    `  a replica has work         ${percent(busy.mean)}, the least of them ${percent(busy.least)} (target ${percent(TARGET.busy)})`,
    `  its batch is full          ${percent(full.mean)}, the least of them ${percent(full.least)}; ${(of('sequenceSeconds') / of('up')).toFixed(0)} of ${replica.maxNumSeqs} sequences on average`,
    `  prompts from prefix caches ${percent(of('cachedTokens') / of('promptTokens'))}; preemptions ${n(of('preemptions'))}`,
    `  tokens written             ${n(of('generatedTokens') / period.seconds)} a simulated second, ${n(counts.thoughts / period.seconds)} thoughts`,
    `orchestrator: peak ${n(rssMB)} MB (target ${TARGET.rssMB}); ${cores.toFixed(2)} cores while it thinks (target ${TARGET.cores}), ${(thoughts.cpuSeconds / period.seconds).toFixed(2)} at the speed of the replicas; ${n(counts.thoughts / thoughts.cpuSeconds)} thoughts a second of a processor`,
    `calls ${n(calls)}, answered ${n(answered)}, sent again ${n(calls - answered)} (${[...faults].map(([name, count]) => `${name} ${n(count)}`).join(', ')})`,
    `generations stored ${n(stored)}, answered more than once ${n(choices - stored)}, lost ${n(lost)}; ledger ${n(ledgerBytes)} bytes`,
    `simulator: ${sum((stage) => stage.period.cpuSeconds).toFixed(1)} s of the processors; its clock stood still while a core was missing: ${sum((stage) => stage.period.late).toFixed(1)} s for itself, ${sum((stage) => stage.period.waited).toFixed(1)} s for the orchestrator`,
    `load of the machine ${load.before.map((x) => x.toFixed(1)).join(' ')} before, ${load.after.map((x) => x.toFixed(1)).join(' ')} after`,
  ];
  return { lines, missed };
}

import { isDone } from '../../pipeline/planned.ts';
import type { Stage } from '../../pipeline/stage.ts';
import { counted } from '../../report/format.ts';
import type { LedgerReader } from '../../store.ts';

/** What a run is going to do, a line for each part of the method, and what of it is done or has to be done again. */
export function planText(stages: readonly Stage[], store: Pick<LedgerReader, 'stage'>): string {
  const lines: [string, string][] = [];
  const pairs = stages.flatMap((stage) =>
    stage.kind === 'pairs'
      ? [
          `${stage.set}: ${Object.entries(stage.counts)
            .map(([name, n]) => `${n} ${name}`)
            .join(' + ')}`,
        ]
      : [],
  );
  lines.push(['pairs', pairs.join(' · ')]);
  const of = <K extends Stage['kind']>(kind: K) =>
    stages.filter((stage): stage is Extract<Stage, { kind: K }> => stage.kind === kind);
  for (const { round, by, set } of of('thoughts').filter(({ form }) => form === 'planned')) {
    const trained = of('train').filter((one) => one.round === round && !one.control);
    lines.push([
      `round ${round}`,
      [`thoughts of ${by} on ${set}`, ...trained.map(({ judge }) => judge)].join(' → '),
    ]);
  }
  const controls = of('judge').filter(({ control }) => control);
  if (controls.length > 0) lines.push(['controls', controls.map(({ judge }) => judge).join(', ')]);
  const played = Map.groupBy(of('bench'), ({ benchmark }) => benchmark);
  for (const [benchmark, own] of played)
    lines.push([benchmark, `played by ${own.map(({ judge }) => judge).join(', ')}`]);
  const again = changedStages(stages, store);
  const done = stages.filter((stage) => store.stage(stage.name)?.status === 'done').length - again.length;
  lines.push(['in all', `${counted(stages.length, 'stage')}${done > 0 ? `, ${done} of them done` : ''}`]);
  if (again.length > 0)
    lines.push([
      'again',
      `${again.map(({ name }) => name).join(', ')}: they build on what was added; generations that are there are used again`,
    ]);
  return `${lines.map(([name, text]) => `${name.padEnd(10)}  ${text}`).join('\n')}\n`;
}

/** Those that were done otherwise, and have to be done again. */
function changedStages(stages: readonly Stage[], store: Pick<LedgerReader, 'stage'>): Stage[] {
  return stages.filter((stage) => {
    const record = store.stage(stage.name);
    return record?.status === 'done' && !isDone(stage, record);
  });
}

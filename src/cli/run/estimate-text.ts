import type { StageEstimate } from '../../pipeline/estimate.ts';
import { duration, money, whole } from '../../report/format.ts';
import { print } from '../terminal.ts';

/** What is left of a run, in place of doing it. */
export async function printEstimate(estimates: readonly StageEstimate[], json: boolean): Promise<void> {
  const sum = (of: (one: StageEstimate) => number | null) =>
    estimates.reduce((all, one) => all + (of(one) ?? 0), 0);
  const known = estimates.filter(({ seconds }) => seconds !== null);
  const total = {
    stages: estimates.length,
    requests: sum(({ requests }) => requests),
    tokens: sum(({ tokens }) => tokens),
    seconds: known.length === estimates.length ? sum(({ seconds }) => seconds) : null,
    cost: estimates.some(({ cost }) => cost !== null) ? sum(({ cost }) => cost) : null,
  };
  if (json) {
    await print(`${JSON.stringify({ dryRun: { ...total, left: estimates } }, null, 2)}\n`);
    return;
  }
  if (estimates.length === 0) {
    await print('Nothing is left to do.\n');
    return;
  }
  const rows = [
    ['stage', 'requests', 'tokens', 'time', ...(total.cost === null ? [] : ['cost'])],
    ...estimates.map((one) => cells(one.stage, one, total.cost !== null)),
    cells('all', { ...total, measured: known.length === estimates.length }, total.cost !== null),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length))) ?? [];
  const text = rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
  await print(`Nothing was asked or trained. What is left:

${text}

≤ tokens if every answer is as long as it may be; else, and the times, as measured in this run so far
or by a short trial. A dash: nothing of its kind was measured yet. A training's requests are of the
validation pairs that pick among its checkpoints.
`);
}

function cells(
  name: string,
  { requests, tokens, measured, seconds, cost }: Omit<StageEstimate, 'stage' | 'kind'>,
  priced: boolean,
): string[] {
  return [
    name,
    whole(requests),
    `${measured ? '' : '≤ '}${whole(tokens)}`,
    seconds === null ? '–' : duration(seconds),
    ...(priced ? [cost === null ? '–' : money(cost)] : []),
  ];
}

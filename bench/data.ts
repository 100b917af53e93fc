/** `npm run bench:data`: SFT and preference rows of the full published setting (arXiv 2501.18099: 21,729 response pairs, 5 plans,
 * 8 executions each, 4 per order: 869,160 thoughts of 1,200 characters), through the real ledger and the real preference
 * builder, each size in a process of its own; then a smaller size in a process that is killed again and again. The thoughts are
 * made up; right in 60 %. */
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FILES } from './data/build.ts';
import { killedBuilds } from './data/kills.ts';
import { SETTING } from './data/made-up.ts';
import { buildApart, type Measured } from './data/process.ts';

/** Kills in each of the two phases, on a build of this share of the triples. */
const [KILLS, SHARE] = [4, 20];

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    triples: { type: 'string', default: String(SETTING.triples) },
  },
});

interface Run extends Measured {
  readonly triples: number;
  readonly thoughts: number;
  readonly diskMB: number;
}

async function measure(folder: string, triples: number): Promise<Run> {
  mkdirSync(folder);
  const measured = (await buildApart(folder, triples)) as Measured;
  const sizes = await Promise.all(FILES.map(async (name) => (await stat(join(folder, name))).size));
  await rm(folder, { recursive: true });
  process.stderr.write(
    `${triples} triples: ${measured.storeSeconds.toFixed(1)} s to store, ${measured.buildSeconds.toFixed(1)} s to build\n`,
  );
  return {
    ...measured,
    triples,
    thoughts: triples * SETTING.plans * SETTING.executions * 2,
    diskMB: sizes.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20,
  };
}

const folder = await mkdtemp(join(tmpdir(), 'bench-data-'));
try {
  const triples = Number(values.triples);
  // Before and after, so that a machine that becomes busier or idler meanwhile does not pass for growth.
  const tenths = [await measure(join(folder, 'tenth'), Math.round(triples / 10))];
  const whole = await measure(join(folder, 'whole'), triples);
  tenths.push(await measure(join(folder, 'tenth'), Math.round(triples / 10)));
  const runs = [...tenths, whole];
  const kills = await killedBuilds(folder, Math.max(1, Math.round(triples / SHARE)), KILLS);
  const seconds = (of: Run) => of.storeSeconds + of.buildSeconds;
  // 1: ten times the thoughts take ten times the time.
  const perThought = (of: readonly Run[]) =>
    of.reduce((sum, run) => sum + seconds(run) / run.thoughts, 0) / of.length;
  const growth = perThought([whole]) / perThought(tenths);
  const { rssMB, diskMB, preferences, sft } = whole;
  if (values.json) {
    const figures = { seconds: seconds(whole), rssMB, diskMB, rows: preferences + sft, growth };
    console.log(JSON.stringify({ ...figures, kills, runs }));
  } else {
    console.log('triples   thoughts  DPO rows  SFT rows   store s   build s   peak MB   disk MB');
    for (const run of runs)
      console.log(
        [
          [run.triples, 7],
          [run.thoughts, 11],
          [run.preferences, 10],
          [run.sft, 10],
          [run.storeSeconds.toFixed(1), 10],
          [run.buildSeconds.toFixed(1), 10],
          [Math.round(run.rssMB), 10],
          [Math.round(run.diskMB), 10],
        ]
          .map(([value, width]) => String(value).padStart(width as number))
          .join(''),
      );
    console.log(`time per thought grows ${growth.toFixed(2)} × from a tenth to the whole`);
    const { storing, building } = kills.killed;
    console.log(
      `killed ${storing} times while storing and ${building} times while building ${kills.triples} triples: ` +
        `${kills.identical && kills.torn === 0 ? 'the same bytes as without' : 'NOT THE SAME as without'}`,
    );
  }
  if (!kills.identical || kills.torn > 0) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** `node bench/round/worker.ts FOLDER SIZE`: a round from instructions to report and audit, in this process; sends its parent what each
 * stage took, then the whole. */
import { join } from 'node:path';
import { benchmarkIndex, shippedBenchmark } from '../../src/audit/benchmark-index.ts';
import { audit } from '../../src/cli/audit/audit.ts';
import { writeAtomically } from '../../src/files.ts';
import { collectEarly } from '../../src/open/memory.ts';
import { version } from '../../src/package.ts';
import { checkpointFolder, stepsFolder } from '../../src/pipeline/folder.ts';
import { runIdentity } from '../../src/pipeline/identity.ts';
import type { Ports } from '../../src/pipeline/stage.ts';
import { run } from '../../src/pipeline.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { ledgerReport } from '../../src/report/run/from-ledger.ts';
import { renderReport } from '../../src/report/run/page.ts';
import { openStore } from '../../src/store/ledger.ts';
import { configOf, type Size, scripted, source, trainer } from './world.ts';

/** A stage, the report or the audit. */
export interface Took {
  readonly name: string;
  readonly seconds: number;
  /** Of all threads of the process. */
  readonly cpuSeconds: number;
  /** The highest that the process has had in memory so far, node itself (about 60 MB) included. */
  readonly rssMB: number;
}

const [folder = '', size = ''] = process.argv.slice(2);
const of = JSON.parse(size) as Size;
const config = configOf(of);

collectEarly();
let since = { wall: performance.now(), cpu: process.cpuUsage() };
function took(name: string): void {
  const { user, system } = process.cpuUsage(since.cpu);
  const seconds = (performance.now() - since.wall) / 1000;
  const rssMB = process.resourceUsage().maxRSS / 1024;
  since = { wall: performance.now(), cpu: process.cpuUsage() };
  const told: Took = { name, seconds, cpuSeconds: (user + system) / 1e6, rssMB };
  process.send?.(told);
}

{
  using store = openStore(join(folder, 'run.db'), { config: runIdentity(config) });
  const place = (name: string) => {
    const [judge = '', step] = name.split('/');
    return step === undefined ? checkpointFolder(folder, judge) : join(stepsFolder(folder, judge), step);
  };
  const ports: Ports = {
    store,
    trainer,
    prompts: PUBLISHED_PROMPTS,
    folder,
    models: { prefills: true, place, open: async (name) => scripted(name, of.bytes) },
    sources: { general: source },
  };
  await run(config, ports, {
    onEvent(event) {
      if (event.type === 'stage' && event.stage.status === 'done') took(event.stage.name);
    },
  });
  const facts = {
    version: version(),
    node: process.versions.node,
    preset: 'bench',
    seed: config.seed,
    model: 'scripted',
    peakRssMB: 0,
  };
  const report = ledgerReport(store, PUBLISHED_PROMPTS, facts, await benchmarkIndex([shippedBenchmark()]));
  await writeAtomically(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeAtomically(join(folder, 'report.html'), renderReport(report));
}
took('report');
await audit([folder], { licence: 'unknown', onError: 'stop', json: true }, new AbortController().signal);
took('audit');

/** `node bench/scale/worker.ts FOLDER PAIRS URL,URL… [STAGE]` (STAGE is the last one to do): the orchestrator of the simulated
 * round, `run` in this process, with a trainer that copies; tells its parent of each stage what it took. */
import { join } from 'node:path';
import { collectEarly } from '../../src/open/memory.ts';
import { openModel } from '../../src/open/model.ts';
import { checkpointFolder, stepsFolder } from '../../src/pipeline/folder.ts';
import { runIdentity } from '../../src/pipeline/identity.ts';
import type { Ports } from '../../src/pipeline/stage.ts';
import { run } from '../../src/pipeline.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { openStore } from '../../src/store/ledger.ts';
import { configOf, source, trainer } from '../round/world.ts';

/** A stage that has ended. */
export interface Took {
  readonly name: string;
  readonly seconds: number;
  /** Of all threads of the process. */
  readonly cpuSeconds: number;
  /** The highest that the process has had in memory so far. */
  readonly rssMB: number;
}

const [folder = '', pairs = '', urls = '', until] = process.argv.slice(2);
const config = configOf({ triples: Number(pairs), rejected: 'modified' });

collectEarly();

const moment = () => ({ wall: performance.now(), cpu: process.cpuUsage() });
let since = moment();
function took(name: string): Took {
  const { user, system } = process.cpuUsage(since.cpu);
  const now = moment();
  const told: Took = {
    name,
    seconds: (now.wall - since.wall) / 1000,
    cpuSeconds: (user + system) / 1e6,
    rssMB: process.resourceUsage().maxRSS / 1024,
  };
  since = now;
  return told;
}

{
  using store = openStore(join(folder, 'run.db'), { config: runIdentity(config) });
  const ports: Ports = {
    store,
    trainer,
    prompts: PUBLISHED_PROMPTS,
    folder,
    models: {
      prefills: true,
      place: (name) => {
        const [judge = '', step] = name.split('/');
        return step === undefined ? checkpointFolder(folder, judge) : join(stepsFolder(folder, judge), step);
      },
      open: (name) => openModel(`vllm:simulated@${urls}`, { revision: name }),
    },
    sources: { general: source },
  };
  await run(config, ports, {
    until,
    onEvent(event) {
      if (event.type === 'stage' && event.stage.status === 'done') process.send?.(took(event.stage.name));
    },
  });
  const { generations, thoughts } = store.counts();
  const left = (store.stage('thoughts 1')?.result as { left?: object } | null)?.left ?? {};
  process.send?.({ counts: { generations, thoughts: thoughts[1]?.total ?? 0, left } });
}
process.disconnect?.();

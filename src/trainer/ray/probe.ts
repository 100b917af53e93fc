import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { EvalPlannerError } from '../../errors.ts';
import { REQUIREMENTS } from '../trl/environment.ts';
import { looking, submit } from './entrypoint.ts';
import { eventOf, type NodeReport } from './event.ts';
import { follow } from './follow.ts';
import type { RayJobs } from './jobs.ts';
import type { RayOptions, RayPatience } from './options.ts';
import { patiently } from './patience.ts';
import { openPlace } from './place.ts';
import { nameOf } from './record.ts';

/** What this was tried with. */
const TRIED = '2.60';

/** Whether a cluster can be asked, its nodes have the packages, and see what is shared: a word that they read there. Answers what is worth
 * a note. Throws EvalPlannerError. */
export async function probe(
  jobs: RayJobs,
  options: RayOptions,
  { poll, connectPatience }: RayPatience,
): Promise<string[]> {
  const remedy = 'check that it runs, and that trainer.address is that of its dashboard, as http://HOST:8265';
  const version = await patiently(() => jobs.version(), { patience: connectPatience, remedy });
  const notes = version.startsWith(`${TRIED}.`) ? [] : [`Ray ${version} was not tried (tried: ${TRIED})`];
  const name = nameOf('probe');
  const place = await openPlace(options.shared, name, options.python);
  const word = randomBytes(8).toString('hex');
  try {
    await place.write('word', word);
    const nodes = await look(jobs, name, place.at('word'), options, poll);
    for (const node of nodes) {
      require(node, word, options);
      await place.read(`${node.node}.seen`).catch((error) => {
        throw blind(node.node, `what it wrote is not seen here: ${(error as Error).message}`, options);
      });
    }
    if (nodes.length === 0) {
      const { CPU = 1, ...others } = options.resources ?? {};
      const what = Object.entries({ CPU, ...others }).map(([kind, amount]) => `${kind} ${amount}`);
      notes.push(
        `no node of the Ray cluster has ${what.join(', ')} now: a training waits until one is there`,
      );
    }
    return [...notes, ...(await others(nodes))];
  } finally {
    await place.remove().catch(() => {});
  }
}

async function look(
  jobs: RayJobs,
  id: string,
  url: string,
  options: RayOptions,
  poll: number,
): Promise<readonly NodeReport[]> {
  await submit(jobs, id, looking(url, options), options);
  const last: string[] = [];
  let nodes: readonly NodeReport[] | undefined;
  const onLine = (line: string) => {
    const event = eventOf(line);
    if (event?.type === 'nodes') nodes = event.nodes;
    else last.push(line);
  };
  const end = await follow(jobs, id, { onLine, poll, patience: 60_000 });
  if (end?.status === 'SUCCEEDED' && nodes) return nodes;
  const said = last.at(-1) ?? end?.message ?? 'it is gone';
  throw new EvalPlannerError(
    'usage',
    `a job that looks at the Ray cluster at ${jobs.address} has failed: ${said.trim().slice(0, 300)}`,
    `read its log: ray job logs ${id} --address ${jobs.address}; its Python needs what python/requirements.txt names`,
  );
}

function require({ node, text, error, versions = {} }: NodeReport, word: string, options: RayOptions): void {
  const missing = Object.keys(versions).filter((name) => versions[name] === null);
  if (missing.length > 0)
    throw new EvalPlannerError(
      'usage',
      `node ${node} of the Ray cluster lacks ${missing.join(', ')}`,
      'install what python/requirements.txt names there, or have Ray do it: trainer.runtimeEnv: { pip: [trl==1.16.0, …] }',
    );
  if (text !== word) throw blind(node, error ?? 'it reads something else there', options);
}

function blind(node: string, why: string, { shared }: RayOptions): EvalPlannerError {
  return new EvalPlannerError(
    'usage',
    `node ${node} of the Ray cluster does not share ${shared}: ${why}`,
    'mount it there under the same path, where its user may write, or share through a store: trainer.shared: s3://BUCKET/PREFIX',
  );
}

/** Versions other than those tried, of whichever node has them. */
async function others(nodes: readonly NodeReport[]): Promise<string[]> {
  const found = new Set<string>();
  for (const line of (await readFile(REQUIREMENTS, 'utf8')).trim().split('\n')) {
    const [name, tried] = line.split('==') as [string, string];
    for (const { versions } of nodes) {
      // Of torch there are builds: 2.13.0+cpu.
      const version = versions?.[name]?.split('+')[0];
      if (version !== undefined && version !== tried) found.add(`${name} ${version} (tried: ${tried})`);
    }
  }
  return found.size === 0 ? [] : [`the trainer ray was not tried with ${[...found].join(', ')}`];
}

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PythonJob } from '../trl/job.ts';
import type { NodeReport } from './event.ts';
import type { Entrypoint } from './server.contract.ts';

/** What plays the Python side: its lines, its whole checkpoints, and a state after each of them; the numbers are digests of all that came
 * before. */
export interface MadeUpTraining {
  /** Called before each step; what it throws ends the job. */
  before?(step: number): void | Promise<void>;
  readonly nodes?: (word: string) => readonly NodeReport[];
}

interface State {
  readonly digest: string;
  readonly told: readonly object[];
}

export function madeUpTraining({ before, nodes }: MadeUpTraining = {}): Entrypoint {
  return async ({ entrypoint }, log, signal) => {
    const [, path = ''] = /'(\S+)'/.exec(entrypoint) ?? [];
    const say = (event: object) => log(`${JSON.stringify(event).replace('"type":', '"type": ')}\n`);
    if (entrypoint.includes(' nodes ')) {
      const word = await readFile(path, 'utf8').catch(() => '');
      await writeFile(join(dirname(path), '10.0.0.1.seen'), word).catch(() => {});
      say({ type: 'nodes', nodes: nodes?.(word) ?? [{ node: '10.0.0.1', text: word, versions: {} }] });
      return 0;
    }
    const job = JSON.parse(await readFile(path, 'utf8')) as PythonJob;
    const rows = (await readFile(job.rows, 'utf8')).split('\n');
    const steps = (await readFile(job.schedule, 'utf8')).trimEnd().split('\n');
    const file = join(job.state, 'state.json');
    const start = await readFile(join(job.weights, 'config.json'), 'utf8');
    let { digest, told }: State = existsSync(file)
      ? JSON.parse(await readFile(file, 'utf8'))
      : { digest: sha256(start), told: [] };
    log('a line of a library\n');
    for (const event of told) say(event);
    for (let step = told.length + 1; step <= steps.length; step++) {
      await sleep(1);
      await before?.(step);
      if (signal.aborted) return 75;
      const batch = (JSON.parse(steps[step - 1] as string) as number[]).map((row) => rows[row]);
      digest = sha256(digest + batch.join());
      const number = Number.parseInt(digest.slice(0, 8), 16) / 2 ** 32;
      const event = {
        type: 'step',
        step,
        steps: steps.length,
        loss: number,
        gradNorm: number,
        learningRate: 1e-3,
        tokens: 9,
        seconds: 0.001,
      };
      told = [...told, event];
      say(event);
      if (!job.kept.includes(step)) continue;
      await publish(join(job.out, `step-${step}`), 'model.safetensors', digest);
      await publish(job.state, 'state.json', JSON.stringify({ digest, told } satisfies State));
    }
    say({ type: 'done' });
    return 0;
  };
}

async function publish(folder: string, name: string, text: string): Promise<void> {
  const draft = `${folder}.draft`;
  await mkdir(draft, { recursive: true });
  await writeFile(join(draft, name), text);
  await rm(folder, { recursive: true, force: true });
  await rename(draft, folder);
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

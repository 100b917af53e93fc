import { PYTHON_FOLDER } from '../trl/environment.ts';
import type { RayJobs, Submission } from './jobs.ts';
import type { RayOptions } from './options.ts';
import { packageOf } from './zip.ts';

/** Of a worker, where nothing is said. */
const RESOURCES = { CPU: 1 };

/** Fewer lines of Ray's own in the log: without these a worker prints twice, and its functions too. */
const QUIET = { RAY_TRAIN_ENABLE_PRINT_PATCH: '0', RAY_COLOR_PREFIX: '0', RAY_DEDUP_LOGS: '0' };

type Options = Pick<RayOptions, 'workers' | 'resources' | 'runtimeEnv'>;
type Command = Omit<Submission, 'id' | 'runtimeEnv'>;

/** The training whose job file lies there: one worker is the job's own process, several are Ray Train's. */
export function training(url: string, { workers = 1, resources = RESOURCES }: Options): Command {
  if (workers === 1) return { entrypoint: `python -m evalplanner_trainer train ${quoted(url)}`, resources };
  const each = quoted(JSON.stringify(resources));
  return {
    entrypoint: `python -m evalplanner_trainer.on_ray train ${quoted(url)} --workers ${workers} --resources ${each}`,
  };
}

/** What the nodes that could take a worker see of a folder. */
export function looking(url: string, { resources = RESOURCES }: Options): Command {
  const each = quoted(JSON.stringify(resources));
  return { entrypoint: `python -m evalplanner_trainer.on_ray nodes ${quoted(url)} --resources ${each}` };
}

/** Submit it with the code that it runs; a job of this id that is there stays what it is. */
export async function submit(
  jobs: RayJobs,
  id: string,
  command: Command,
  { runtimeEnv = {} }: Options,
): Promise<void> {
  const { name, bytes } = packageOf(PYTHON_FOLDER);
  const working_dir = await jobs.upload(name, bytes);
  const env_vars = { ...QUIET, ...(runtimeEnv.env_vars as object | undefined) };
  await jobs.submit({ id, ...command, runtimeEnv: { ...runtimeEnv, working_dir, env_vars } });
}

/** For the shell that Ray starts an entrypoint by. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

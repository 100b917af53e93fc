import { z } from 'zod';
import { EvalPlannerError } from '../../errors.ts';
import { lastLine, type RayHttp } from './http.ts';

const job = z.object({
  status: z.enum(['PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'STOPPED']),
  message: z.string().nullish(),
  error_type: z.string().nullish(),
  driver_exit_code: z.number().nullish(),
});

export type RayJob = z.output<typeof job>;

export const hasEnded = ({ status }: RayJob): boolean => status !== 'PENDING' && status !== 'RUNNING';

export interface Submission {
  readonly id: string;
  readonly entrypoint: string;
  readonly runtimeEnv: object;
  /** What its own process takes, by Ray's names. */
  readonly resources?: Readonly<Record<string, number>> | undefined;
}

const EXISTS = 'already exists';

/** The Jobs API of a Ray cluster. Every method may throw Unreachable, and EvalPlannerError where no other try helps. */
export class RayJobs {
  readonly #http: RayHttp;

  constructor(http: RayHttp) {
    this.#http = http;
  }

  get address(): string {
    return this.#http.address;
  }

  /** The same at another address, with the same token. */
  elsewhere(address: string): RayJobs {
    return new RayJobs(this.#http.elsewhere(address));
  }

  /** Of Ray, as `2.60.0`. */
  async version(signal?: AbortSignal): Promise<string> {
    const { status, text } = await this.#http.send('GET', '/api/version', { signal });
    const version = status === 200 ? parsed(z.object({ ray_version: z.string() }), text) : null;
    if (version !== null) return version.ray_version;
    throw new EvalPlannerError(
      'usage',
      `what answers at ${this.address} is no dashboard of Ray: status ${status}, ${lastLine(text)}`,
      'give trainer.address the address of the dashboard, as http://HOST:8265',
    );
  }

  /** Put a package of code there, unless it is there. Answers its URI. */
  async upload(name: string, bytes: Uint8Array, signal?: AbortSignal): Promise<string> {
    const path = `/api/packages/gcs/${name}`;
    const { status } = await this.#http.send('GET', path, { signal });
    if (status === 404) {
      const put = await this.#http.send('PUT', path, { body: bytes, signal });
      if (put.status !== 200) throw refused(this.address, 'the package of code', put.text);
    }
    return `gcs://${name}`;
  }

  /** Null where there is none of this id. */
  async find(id: string, signal?: AbortSignal): Promise<RayJob | null> {
    const { status, text } = await this.#http.send('GET', jobPath(id), { signal });
    if (status === 404) return null;
    const found = parsed(job, text);
    if (found === null) throw refused(this.address, `what it says of job ${id}`, text);
    return found;
  }

  /** Submit a job; one of its id that is there already stays what it is. */
  async submit(
    { id, entrypoint, runtimeEnv, resources = {} }: Submission,
    signal?: AbortSignal,
  ): Promise<void> {
    const { CPU, GPU, memory, ...others } = resources;
    const body = JSON.stringify({
      submission_id: id,
      entrypoint,
      runtime_env: runtimeEnv,
      entrypoint_num_cpus: CPU,
      entrypoint_num_gpus: GPU,
      entrypoint_memory: memory,
      entrypoint_resources: Object.keys(others).length > 0 ? others : undefined,
    });
    // A duplicate id is a traceback with status 500.
    const passes = ({ text }: { readonly text: string }) => text.includes(EXISTS);
    const { status, text } = await this.#http.send('POST', '/api/jobs/', { body, signal, passes });
    if (status !== 200 && !text.includes(EXISTS)) throw refused(this.address, 'the job', text);
  }

  /** Standard output and errors, so far; null where there is no such job. */
  async logs(id: string, signal?: AbortSignal): Promise<string | null> {
    const { status, text } = await this.#http.send('GET', `${jobPath(id)}/logs`, { signal });
    return status === 200 ? (parsed(z.object({ logs: z.string() }), text)?.logs ?? '') : null;
  }

  /** The log as it grows, from its first line on, until the job has ended. */
  tail(id: string, onText: (text: string) => void, signal: AbortSignal): Promise<void> {
    return this.#http.listen(`${jobPath(id)}/logs/tail`, onText, signal);
  }

  /** Ask it to stop; whether it has stopped is told by `find`. */
  async stop(id: string, signal?: AbortSignal): Promise<void> {
    await this.#http.send('POST', `${jobPath(id)}/stop`, { signal });
  }

  /** Forget a job that has ended. */
  async remove(id: string, signal?: AbortSignal): Promise<void> {
    await this.#http.send('DELETE', jobPath(id), { signal });
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

const jobPath = (id: string) => `/api/jobs/${encodeURIComponent(id)}`;

function parsed<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function refused(address: string, what: string, text: string): EvalPlannerError {
  return new EvalPlannerError(
    'usage',
    `the Ray cluster at ${address} refuses ${what}: ${lastLine(text)}`,
    'change trainer as it says; this is tried with Ray 2.60',
  );
}

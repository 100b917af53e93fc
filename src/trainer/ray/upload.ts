import { readFile } from 'node:fs/promises';
import type { PythonJob } from '../trl/job.ts';
import type { Place } from './place.ts';

/** Puts down what a local file of a job names, and the job itself with the places that the workers know. */
export async function upload(path: string, place: Place, signal?: AbortSignal): Promise<void> {
  const job = JSON.parse(await readFile(path, 'utf8')) as PythonJob;
  const put = async (local: string, name: string) => {
    signal?.throwIfAborted();
    await place.put(local, name);
    return place.at(name);
  };
  /** A model that the workers see is not copied. */
  const model = async (local: string, name: string) => place.seen(local) ?? (await put(local, name));
  const there: PythonJob = {
    ...job,
    weights: await model(job.weights, 'weights'),
    adapter: job.adapter === null ? null : await model(job.adapter, 'adapter'),
    tokenizer: await put(job.tokenizer, 'tokenizer'),
    rows: await put(job.rows, 'rows.jsonl'),
    schedule: await put(job.schedule, 'schedule.jsonl'),
    out: place.at('out'),
    state: place.at('states'),
  };
  await place.write('job.json', JSON.stringify(there));
}

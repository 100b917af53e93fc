import { createInterface } from 'node:readline';

/** Does the jobs of standard input, a line of JSON each ({"do": NAME, …}), until it ends, and answers each with a line: parity/jobs.py
 * is the same for Python. */
export async function serveJobs(jobs: object): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...job } = JSON.parse(line) as { do: string };
    try {
      const result = await (jobs as Record<string, (job: object) => Promise<unknown>>)[name]?.(job);
      console.log(JSON.stringify({ result }));
    } catch (error) {
      console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
    }
  }
}

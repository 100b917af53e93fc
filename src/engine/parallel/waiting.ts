import type { SampleRequest } from '../sampling/sample.ts';

/** What of a prompt other prompts may begin with; all of it, where it is not cut. */
const shared = ({ prompt, cuts }: SampleRequest): number => cuts?.at(-1) ?? prompt.length;

/** Requests that wait for a worker, from the longest prompt to the shortest. Those that begin alike, up to their last cut, wait for
 * one worker, which has what they begin with; the others take them only when there is nothing else. */
export class Waiting {
  readonly #workers: number;
  #left: readonly SampleRequest[];

  constructor(requests: readonly SampleRequest[], workers: number) {
    this.#workers = workers;
    this.#left = requests.toSorted((a, b) => shared(b) - shared(a) || b.prompt.length - a.prompt.length);
  }

  /** Up to so many for a worker; none: there are no more. */
  take(worker: number, count: number): SampleRequest[] {
    const own: SampleRequest[] = [];
    const others: SampleRequest[] = [];
    for (const request of this.#left)
      (own.length < count && this.#isFor(request, worker) ? own : others).push(request);
    const taken = own.length > 0 ? own : others.splice(-Math.min(count, Math.ceil(others.length / 2)));
    this.#left = others;
    return taken;
  }

  #isFor(request: SampleRequest, worker: number): boolean {
    if (!request.cuts) return true;
    let hash = 0;
    for (const id of request.prompt.slice(0, shared(request))) hash = (Math.imul(hash, 31) + id) >>> 0;
    return hash % this.#workers === worker;
  }
}

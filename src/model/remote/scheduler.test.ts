import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EvalPlannerError } from '../../errors.ts';
import { CallFailure, type FailureKind } from './call-failure.ts';
import { type Endpoint, type Place, Places } from './places.ts';
import { type Allowance, type Outcome, Scheduler, type SchedulerOptions } from './scheduler.ts';
import { VirtualClock } from './virtual-clock.contract.ts';

type Fault = FailureKind | 'hang' | 'ok';

interface Call {
  readonly job: number;
  readonly at: number;
  readonly fault: Fault;
}

/** An endpoint that answers after 20 ms what a script says of its n-th call. */
class Scripted implements Endpoint<number, string> {
  readonly name: string;
  readonly calls: Call[] = [];
  inFlight = 0;
  most = 0;
  readonly #clock: VirtualClock;
  readonly #script: (call: number, job: number) => Fault | CallFailure;

  constructor(clock: VirtualClock, script: (call: number, job: number) => Fault | CallFailure, name = 'x') {
    this.#clock = clock;
    this.#script = script;
    this.name = name;
  }

  async call(job: number, signal: AbortSignal): Promise<string> {
    const fault = this.#script(this.calls.length, job);
    const kind = fault instanceof CallFailure ? fault.kind : fault;
    this.calls.push({ job, at: this.#clock.now(), fault: kind });
    this.inFlight++;
    this.most = Math.max(this.most, this.inFlight);
    signal.addEventListener('abort', () => this.inFlight--);
    if (kind === 'hang') await new Promise(() => {});
    await this.#clock.sleep(20);
    if (!signal.aborted) this.inFlight--;
    if (fault instanceof CallFailure) throw fault;
    if (fault !== 'ok') throw new CallFailure(fault as FailureKind, `${fault} of ${job}`);
    return `answer ${job}`;
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

function setup(
  script: (call: number, job: number) => Fault | CallFailure,
  options: Partial<SchedulerOptions> = {},
  allowance: Allowance<number, string> | null = null,
) {
  const clock = new VirtualClock();
  const endpoint = new Scripted(clock, script);
  const scheduler = new Scheduler<number, string>([endpoint], options, clock, allowance);
  const outcomes: Outcome<number, string>[] = [];
  const run = async (jobs: Iterable<number> | AsyncIterable<number>, signal?: AbortSignal) => {
    for await (const outcome of scheduler.run(jobs, signal)) outcomes.push(outcome);
  };
  return { clock, endpoint, scheduler, outcomes, run };
}

const FAULTS: readonly Fault[] = [
  'ok',
  'ok',
  'ok',
  'refused',
  'timeout',
  'unreachable',
  'transient',
  'permanent',
  'hang',
];

describe('any sequence of faults', () => {
  test('brings exactly one outcome for each job, never above the limit, and leaves no timer', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom(...FAULTS), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 80 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 3 }),
      async (faults, count, maxConcurrency, endpoints) => {
        const clock = new VirtualClock();
        // What is scripted ends after 300 calls, so that nothing fails for ever.
        const script = (call: number) => (call < 300 ? (faults[call % faults.length] as Fault) : 'ok');
        const places = numbers(endpoints).map((i) => new Scripted(clock, script, `endpoint ${i}`));
        const scheduler = new Scheduler<number, string>(
          places,
          // Patience without end: giving up has tests of its own.
          { maxConcurrency, timeout: 1000, breaker: 1e9, patience: 1e12, connectPatience: 1e12 },
          clock,
        );
        const found: number[] = [];
        await clock.until(
          (async () => {
            for await (const outcome of scheduler.run(numbers(count))) {
              found.push(outcome.job);
              if ('result' in outcome) expect(outcome.result).toBe(`answer ${outcome.job}`);
            }
          })(),
        );
        expect(found.toSorted((a, b) => a - b)).toEqual(numbers(count));
        for (const { most } of places) expect(most).toBeLessThanOrEqual(maxConcurrency);
        expect(clock.timers).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });

  test('that are alike come to an end, with no job twice, whoever asks beside', async () => {
    const bad = new CallFailure('permanent', 'HTTP 400: bad');
    const denied = new CallFailure('denied', 'HTTP 401: no key');
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom(...FAULTS, bad, bad, bad, denied), { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 6 }),
      async (faults, counts, maxConcurrency) => {
        const limits = { maxConcurrency, timeout: 100, attempts: 2, breaker: 4, patience: 5_000 };
        const { clock, scheduler } = setup((call) => faults[call % faults.length] as Fault, limits);
        const runs = counts.map(async (count) => {
          const found = new Set<number>();
          try {
            for await (const { job } of scheduler.run(numbers(count))) {
              expect(found.has(job)).toBe(false);
              found.add(job);
            }
            expect(found.size).toBe(count);
          } catch (error) {
            if (!(error instanceof EvalPlannerError)) throw error;
          }
        });
        await clock.until(Promise.all(runs));
        expect(clock.timers).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});

test('a pause that ends between two looks at the clock holds nobody', async () => {
  const clock = new VirtualClock();
  const limits = { initialConcurrency: 1, maxConcurrency: 1, timeout: 1000, retryDelay: 5 };
  const places = new Places<number, string>(
    [new Scripted(clock, () => 'ok')],
    { ...limits, maxRetryAfter: 1000, patience: 1e9, connectPatience: 1e9 },
    clock,
  );
  const { state } = places.leastLoaded() as Place<number, string>;
  const refused = new CallFailure('refused', 'HTTP 429', { retryAfter: 10 });
  state.end(state.begin(clock.now()), refused, clock.now(), 0);
  expect(places.leastLoaded()).toBeNull();
  await clock.until(clock.sleep(10));
  let told = false;
  places.await(() => {
    told = true;
  });
  await clock.until(clock.sleep(1));
  expect(told).toBe(true);
});

describe('retries', () => {
  test('a transient failure is tried again up to its number of tries, then told', async () => {
    const { clock, endpoint, outcomes, run } = setup((_, job) => (job === 1 ? 'transient' : 'ok'), {
      attempts: 4,
    });
    await clock.until(run([0, 1, 2]));
    expect(endpoint.calls.filter(({ job }) => job === 1)).toHaveLength(4);
    expect(outcomes.filter((outcome) => 'failure' in outcome).map(({ job }) => job)).toEqual([1]);
  });

  test('a permanent one is not tried again', async () => {
    const { clock, endpoint, run } = setup(() => 'permanent', { breaker: 100 });
    await clock.until(run(numbers(5)));
    expect(endpoint.calls).toHaveLength(5);
  });

  test('waits grow, and differ between clients', async () => {
    const gaps = async (seed: number) => {
      const clock = new VirtualClock(seed);
      const endpoint = new Scripted(clock, () => 'transient');
      const scheduler = new Scheduler<number, string>([endpoint], { attempts: 6 }, clock);
      await clock.until(drain(scheduler.run([0])));
      return endpoint.calls.slice(1).map(({ at }, i) => at - (endpoint.calls[i] as Call).at - 20);
    };
    const one = await gaps(1);
    one.forEach((gap, i) => {
      expect(gap).toBeGreaterThanOrEqual(250 * 2 ** i);
      expect(gap).toBeLessThanOrEqual(500 * 2 ** i);
    });
    expect(await gaps(2)).not.toEqual(one);
  });

  test('an exception that is no failure of a call ends the run', async () => {
    const clock = new VirtualClock();
    const broken: Endpoint<number, string> = {
      name: 'x',
      call: () => {
        throw new TypeError('a bug');
      },
    };
    const scheduler = new Scheduler([broken], {}, clock);
    await expect(clock.until(drain(scheduler.run([1, 2])))).rejects.toThrow('a bug');
    expect(clock.timers).toBe(0);
  });
});

describe('Retry-After', () => {
  const refusal = (seconds: number) => new CallFailure('refused', 'too many', { retryAfter: seconds * 1000 });

  test.each([0.05, 1, 90, 3000])('of %d s is obeyed by the job and by all others', async (seconds) => {
    const { clock, endpoint, outcomes, run } = setup((call) => (call < 4 ? refusal(seconds) : 'ok'), {
      initialConcurrency: 4,
    });
    await clock.until(run(numbers(30)));
    expect(outcomes).toHaveLength(30);
    expect(outcomes.every((outcome) => 'result' in outcome)).toBe(true);
    const refusedAt = (endpoint.calls[0] as Call).at + 20;
    for (const { at } of endpoint.calls.slice(4))
      expect(at).toBeGreaterThanOrEqual(refusedAt + seconds * 1000);
  });

  test('of one call among others that are taken holds that one only', async () => {
    const { clock, endpoint, run } = setup((call) => (call === 0 ? refusal(60) : 'ok'), {
      initialConcurrency: 4,
    });
    const start = clock.now();
    await clock.until(run(numbers(50)));
    const [, second] = endpoint.calls.filter(({ job }) => job === 0) as [Call, Call];
    expect(second.at - start).toBeGreaterThanOrEqual(60_000);
    expect(endpoint.calls.filter(({ at }) => at - start < 60_000)).toHaveLength(50);
  });

  test('beyond the cap stops with what is to be done', async () => {
    const { clock, run } = setup(() => refusal(7200), { maxRetryAfter: 3_600_000 });
    const start = clock.now();
    await expect(clock.until(run(numbers(30)))).rejects.toMatchObject({ code: 'model', message: /too many/ });
    expect(clock.now() - start).toBeLessThan(1000);
  });
});

describe('concurrency', () => {
  test('shrinks on refusals and time-outs, grows while all is well, and other errors change nothing', async () => {
    const most = async (fault: Fault) => {
      const { clock, endpoint, run } = setup((call) => (call > 200 && call % 4 === 0 ? fault : 'ok'), {
        initialConcurrency: 2,
        maxConcurrency: 64,
      });
      await clock.until(run(numbers(2000)));
      const before = endpoint.most;
      endpoint.most = 0;
      await clock.until(run(numbers(400)));
      return { before, after: endpoint.most };
    };
    expect(await most('transient')).toEqual({ before: 64, after: 64 });
    for (const fault of ['refused', 'timeout'] as const) {
      const { before, after } = await most(fault);
      expect(before).toBe(64);
      expect(after).toBeLessThan(32);
    }
  });

  test('a server that refuses what is above its capacity is kept busy and seldom asked in vain', async () => {
    const clock = new VirtualClock();
    let inFlight = 0;
    let refused = 0;
    const server: Endpoint<number, string> = {
      name: 'x',
      async call() {
        if (inFlight >= 24) {
          refused++;
          await clock.sleep(1);
          throw new CallFailure('refused', 'full');
        }
        inFlight++;
        await clock.sleep(100);
        inFlight--;
        return 'x';
      },
    };
    const scheduler = new Scheduler([server], { maxConcurrency: 512 }, clock);
    const start = clock.now();
    await clock.until(drain(scheduler.run(numbers(5000))));
    const floor = (5000 / 24) * 100;
    expect((clock.now() - start) / floor).toBeLessThan(1.5);
    expect(refused / 5000).toBeLessThan(0.2);
  });

  test('two endpoints share the load by what each bears', async () => {
    const clock = new VirtualClock();
    const small = new Scripted(clock, () => 'ok', 'small');
    const dead = new Scripted(clock, () => 'unreachable', 'dead');
    const scheduler = new Scheduler<number, string>([dead, small], { maxConcurrency: 8 }, clock);
    const outcomes = await clock.until(drain(scheduler.run(numbers(400))));
    expect(outcomes.every((outcome) => 'result' in outcome)).toBe(true);
    expect(dead.calls.length).toBeLessThan(60);
  });
});

describe('giving up', () => {
  test('the same permanent failure again and again stops the run, and says what to do', async () => {
    const failure = new CallFailure('permanent', 'HTTP 401: bad key', { remedy: 'set the key' });
    const { clock, endpoint, outcomes, run } = setup(() => failure, { breaker: 5, maxConcurrency: 4 });
    await expect(clock.until(run(numbers(10_000)))).rejects.toMatchObject({
      code: 'model',
      message: expect.stringContaining('bad key'),
      remedy: 'set the key',
    });
    expect(endpoint.calls.length).toBeLessThan(12);
    expect(outcomes).toHaveLength(endpoint.calls.length);
  });

  test('different ones, or with answers between them, do not', async () => {
    const { clock, outcomes, run } = setup((_, job) => (job % 2 === 0 ? 'permanent' : 'ok'), { breaker: 5 });
    await clock.until(run(numbers(100)));
    expect(outcomes).toHaveLength(100);
  });

  const kinds = (outcomes: readonly Outcome<number, string>[]) =>
    outcomes.map((outcome) => ('failure' in outcome ? outcome.failure.kind : 'ok'));

  test('failures of a server that refuses all as bad are not those of their requests', async () => {
    const bad = new CallFailure('permanent', 'HTTP 400: no slot is loaded');
    const { clock, outcomes, run } = setup((call) => (call < 3 ? 'ok' : bad), {
      breaker: 5,
      maxConcurrency: 2,
    });
    await expect(clock.until(run(numbers(100)))).rejects.toThrow('failed alike');
    expect(new Set(kinds(outcomes))).toEqual(new Set(['ok', 'transient']));
  });

  test('an answer tells only of failures whose calls were sent before it', async () => {
    const bad = new CallFailure('permanent', 'HTTP 400: bad');
    // The first call is sent first and answered last.
    const slow = setup((_, job) => (job === 0 ? 'ok' : bad), { breaker: 5, maxConcurrency: 2 });
    const call = slow.endpoint.call.bind(slow.endpoint);
    slow.endpoint.call = async (job, signal) => {
      if (job === 0) await slow.clock.sleep(50);
      return call(job, signal);
    };
    await slow.clock.until(slow.run(numbers(2)));
    expect(kinds(slow.outcomes.splice(0))).toEqual(['ok', 'permanent']);
    const first = setup((_, job) => (job === 0 ? bad : 'ok'), { breaker: 5 });
    await first.clock.until(first.run(numbers(2)));
    expect(kinds(first.outcomes).toSorted()).toEqual(['ok', 'permanent']);
    await expect(slow.clock.until(slow.run(numbers(100)))).rejects.toThrow('failed alike');
    expect(kinds(slow.outcomes)).toContain('ok');
    expect(kinds(slow.outcomes)).not.toContain('permanent');
  });

  test('where nothing is left to tell, a failure is taken for what it says', async () => {
    const { clock, outcomes, run } = setup(() => new CallFailure('permanent', 'HTTP 400: too long'));
    await clock.until(run(numbers(3)));
    expect(kinds(outcomes)).toEqual(['permanent', 'permanent', 'permanent']);
    expect(clock.timers).toBe(0);
  });

  test('what is denied once is not asked again, and nothing else either', async () => {
    const denied = new CallFailure('denied', 'x: 401 bad key', { remedy: 'set the key' });
    const { clock, endpoint, outcomes, run } = setup(() => denied, { maxConcurrency: 4 });
    await expect(clock.until(run(numbers(1000)))).rejects.toMatchObject({
      message: 'x cannot be used: 401 bad key',
      remedy: 'set the key',
    });
    expect(endpoint.calls.length).toBeLessThanOrEqual(4);
    expect(outcomes).toEqual([]);
  });

  test('where one of two endpoints denies, the other does all', async () => {
    const clock = new VirtualClock();
    const closed = new Scripted(clock, () => 'denied', 'closed');
    const open = new Scripted(clock, () => 'ok', 'open');
    const scheduler = new Scheduler<number, string>([closed, open], {}, clock);
    const outcomes = await clock.until(drain(scheduler.run(numbers(200))));
    expect(kinds(outcomes).every((kind) => kind === 'ok')).toBe(true);
    expect(outcomes).toHaveLength(200);
  });

  test('an address where nobody answers stops soon; a server that was there is waited for', async () => {
    const wrong = setup(() => 'unreachable');
    const start = wrong.clock.now();
    await expect(wrong.clock.until(wrong.run(numbers(50)))).rejects.toThrow('cannot be used');
    expect(wrong.clock.now() - start).toBeLessThan(60_000);

    const restart = setup((call) => (call >= 20 && call < 26 ? 'unreachable' : 'ok'), { maxConcurrency: 1 });
    await restart.clock.until(restart.run(numbers(50)));
    expect(restart.outcomes.every((outcome) => 'result' in outcome)).toBe(true);
  });

  test('a server that refuses for ever is left after the patience is over', async () => {
    const { clock, run } = setup(() => 'refused', { patience: 60_000 });
    await expect(clock.until(run(numbers(50)))).rejects.toThrow('cannot be used');
  });

  test('it can be tried again afterwards', async () => {
    let broken = true;
    const { clock, run, outcomes } = setup(() => (broken ? 'unreachable' : 'ok'));
    await expect(clock.until(run(numbers(5)))).rejects.toThrow('cannot be used');
    broken = false;
    await clock.until(run(numbers(5)));
    expect(outcomes).toHaveLength(5);
  });
});

describe('an allowance', () => {
  test('is never exceeded, and what is in flight is told before the run stops', async () => {
    let left = 10;
    const allowance: Allowance<number, string> = {
      reserve: () => {
        if (left < 1) return false;
        left--;
        return true;
      },
      settle: (job) => {
        // Even jobs cost nothing in the end.
        if (job % 2 === 0) left++;
      },
      spent: () => new EvalPlannerError('usage', 'spent', 'raise it'),
    };
    const { clock, endpoint, outcomes, run } = setup(() => 'ok', {}, allowance);
    await expect(clock.until(run(numbers(100)))).rejects.toThrow('spent');
    expect(outcomes.filter(({ job }) => job % 2 === 1)).toHaveLength(10);
    expect(outcomes).toHaveLength(endpoint.calls.length);
  });
});

describe('streams', () => {
  test('a slow reader stops the pulling', async () => {
    const { clock, scheduler } = setup(() => 'ok', { maxConcurrency: 4 });
    let pulled = 0;
    function* jobs() {
      for (; pulled < 100_000; pulled++) yield pulled;
    }
    const run = scheduler.run(jobs());
    await clock.until(run.next());
    for (let i = 0; i < 50; i++) await clock.until(clock.sleep(100));
    expect(pulled).toBeLessThan(100);
    await run.return();
    expect(clock.timers).toBe(0);
  });

  test('a source that brings jobs late and one that fails', async () => {
    const { clock, outcomes, run } = setup(() => 'ok');
    async function* late() {
      for (const i of numbers(5)) {
        await clock.sleep(1000);
        yield i;
      }
    }
    await clock.until(run(late()));
    expect(outcomes).toHaveLength(5);
    function* failing() {
      yield 1;
      throw new Error('the file ended');
    }
    await expect(clock.until(run(failing()))).rejects.toThrow('the file ended');
  });

  test('an abort ends it at once, whatever is in flight', async () => {
    const controller = new AbortController();
    const { clock, endpoint, run } = setup((call) => (call < 3 ? 'hang' : 'transient'));
    const work = run(numbers(100), controller.signal);
    clock.timer(50, () => controller.abort());
    await clock.until(work);
    expect(endpoint.inFlight).toBe(0);
    // What the endpoint itself waits for.
    await clock.until(clock.sleep(20));
    expect(clock.timers).toBe(0);
  });

  test('many runs share one limit', async () => {
    const { clock, endpoint, scheduler } = setup(() => 'ok', { maxConcurrency: 8 });
    const runs = numbers(50).map((i) => drain(scheduler.run([i])));
    const found = (await clock.until(Promise.all(runs))).flat();
    expect(found.map(({ job }) => job)).toEqual(numbers(50));
    expect(endpoint.most).toBe(8);
  });
});

async function drain<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of source) found.push(item);
  return found;
}

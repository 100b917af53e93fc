import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CallFailure } from './call-failure.ts';
import type { Endpoint, Vitals } from './places.ts';
import { type Outcome, Scheduler, type SchedulerOptions } from './scheduler.ts';
import { VirtualClock } from './virtual-clock.contract.ts';

/** `silent`: nothing is answered. `stalled`: it says that it is well, and brings nothing. `dead`: it says that its engine is gone. `away`:
 * nobody takes a call. */
type Condition = 'well' | 'silent' | 'stalled' | 'dead' | 'away';

/** A server that changes as a script of times says, each in milliseconds after the one before. */
class Replica implements Endpoint<number, string> {
  readonly name: string;
  readonly calls: number[] = [];
  readonly answered: number[] = [];
  others = 0;
  /** Milliseconds of a call. */
  latency = 20;
  #condition: Condition = 'well';
  #busy = 0;
  #changed = 0;
  readonly #clock: VirtualClock;

  constructor(name: string, clock: VirtualClock, script: readonly (readonly [number, Condition])[] = []) {
    this.name = name;
    this.#clock = clock;
    let at = 0;
    for (const [after, condition] of script) {
      at += after;
      clock.timer(at, () => {
        this.#condition = condition;
        this.#changed++;
      });
    }
  }

  async call(job: number, signal: AbortSignal): Promise<string> {
    this.calls.push(job);
    this.#fail('lost');
    this.#busy++;
    const life = this.#changed;
    const left = () => this.#busy--;
    signal.addEventListener('abort', left, { once: true });
    await this.#clock.sleep(this.latency);
    if (this.#condition === 'silent' || this.#condition === 'stalled') await new Promise(() => {});
    if (!signal.aborted) left();
    this.#fail('lost');
    if (life !== this.#changed) throw new CallFailure('transient', 'the connection broke');
    this.answered.push(job);
    return `answer ${job}`;
  }

  async vitals(): Promise<Vitals> {
    if (this.#condition === 'silent') await new Promise(() => {});
    this.#fail('lost');
    const count = this.#condition === 'stalled' ? 7 : this.#clock.now();
    return { others: this.others, steps: { count, busy: this.#busy > 0 || this.#condition === 'stalled' } };
  }

  #fail(kind: 'lost'): void {
    if (this.#condition === 'dead') throw new CallFailure(kind, `${this.name}: its engine is gone`);
    if (this.#condition === 'away') throw new CallFailure('unreachable', `${this.name}: ECONNREFUSED`);
  }
}

const OPTIONS = { initialConcurrency: 8, maxConcurrency: 8, watch: { interval: 5000, stall: 60_000 } };

async function played(
  clock: VirtualClock,
  replicas: readonly Replica[],
  count: number,
  options: Partial<SchedulerOptions> = {},
) {
  const scheduler = new Scheduler<number, string>(replicas, { ...OPTIONS, ...options }, clock);
  const outcomes: Outcome<number, string>[] = [];
  const run = async () => {
    const jobs = Array.from({ length: count }, (_, i) => i);
    for await (const outcome of scheduler.run(jobs)) outcomes.push(outcome);
  };
  const error: unknown = await clock.until(run()).catch((thrown: unknown) => thrown);
  const failed = outcomes.filter((outcome) => 'failure' in outcome).map(({ job }) => job);
  expect(new Set(outcomes.map(({ job }) => job)).size).toBe(outcomes.length);
  return { error, outcomes, failed };
}

test.each<[Condition]>([['silent'], ['stalled'], ['dead'], ['away']])(
  'one that is %s is taken out, its calls go elsewhere once, and it is taken back when it is well',
  async (how) => {
    const clock = new VirtualClock();
    const one = new Replica('one', clock, [
      [10_000, how],
      [200_000, 'well'],
    ]);
    const two = new Replica('two', clock);
    // Work for longer than one of them is away.
    one.latency = 1000;
    two.latency = 1000;
    const { outcomes, failed, error } = await played(clock, [one, two], 4000, { patience: 1e6 });
    expect({ error, failed, outcomes: outcomes.length }).toEqual({
      error: undefined,
      failed: [],
      outcomes: 4000,
    });
    // Nothing is asked of it in vain but what it had, and what was sent before it was known.
    expect(one.calls.length - one.answered.length).toBeLessThan(20);
    expect(one.answered.length).toBeGreaterThan(500);
  },
);

test('all of them out: what is asked waits within the patience, and no longer', async () => {
  const outage = (length: number) =>
    [
      [1000, 'away'],
      [length, 'well'],
    ] as const;
  for (const [length, kept] of [
    [300_000, true],
    [900_000, false],
  ] as const) {
    const clock = new VirtualClock();
    const replicas = ['one', 'two'].map((name) => new Replica(name, clock, outage(length)));
    const { error, outcomes, failed } = await played(clock, replicas, 2000);
    expect(failed).toEqual([]);
    if (kept) expect([error, outcomes.length]).toEqual([undefined, 2000]);
    else expect(error).toMatchObject({ code: 'model', message: expect.stringMatching(/cannot be used/) });
  }
});

test('one that ends by what it is asked is not taken back for ever', async () => {
  const clock = new VirtualClock();
  class Fragile extends Replica {
    #until = 0;
    override async call(): Promise<string> {
      this.#until = clock.now() + 30_000;
      throw new CallFailure('lost', 'its engine is gone', { remedy: 'leave out what ends it' });
    }
    override async vitals(): Promise<Vitals> {
      if (clock.now() < this.#until) throw new CallFailure('lost', 'its engine is gone');
      return { others: 0 };
    }
  }
  const replicas = [new Fragile('one', clock), new Fragile('two', clock)];
  const { error } = await played(clock, replicas, 10_000);
  expect(error).toMatchObject({ code: 'model', remedy: expect.stringMatching(/leave out|look at/) });
});

test('what others have there counts as calls of its own', async () => {
  const clock = new VirtualClock();
  const [one, two] = [new Replica('one', clock), new Replica('two', clock)];
  one.others = 6;
  await played(clock, [one, two], 5, { initialConcurrency: 16, maxConcurrency: 16 });
  // The first look has not been answered when the first jobs are sent.
  const before = one.calls.length;
  await played(clock, [one, two], 1000);
  expect(one.calls.length - before).toBeLessThan(two.calls.length);
});

test('whatever becomes of replicas, no job is lost, answered twice, or left by a timer', async () => {
  const conditions = fc.constantFrom<Condition>('well', 'silent', 'stalled', 'dead', 'away');
  const script = fc.array(fc.tuple(fc.integer({ min: 1, max: 90_000 }), conditions), { maxLength: 6 });
  const property = fc.asyncProperty(
    fc.array(script, { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 0, max: 300 }),
    async (scripts, count) => {
      const clock = new VirtualClock();
      const replicas = scripts.map((own, i) => new Replica(`${i}`, clock, [...own, [1000, 'well'] as const]));
      const { error, outcomes } = await played(clock, replicas, count, {
        timeout: 200_000,
        patience: 1e9,
        connectPatience: 1e9,
      });
      if (error === undefined) expect(outcomes).toHaveLength(count);
      else expect(error).toMatchObject({ code: 'model' });
      const answered = outcomes.filter((outcome) => 'result' in outcome).length;
      expect(replicas.reduce((sum, replica) => sum + replica.answered.length, 0)).toBe(answered);
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

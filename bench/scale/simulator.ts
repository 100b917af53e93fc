/** A simulator of vLLM replicas, all in this process, each on a port of its own of the loopback: batches, queues, prefix caches and
 * preemptions are modelled (replica.ts), texts are canned (answers.ts), and faults come by a seed. Nothing is computed by a model.
 * As a process of its own: `node bench/scale/simulator.ts OPTIONS` (JSON), which tells its parent its addresses, and answers each
 * `{mark}` with what came since the last one. */

import { random, seedOf } from '../../src/random.ts';
import { Answers } from './answers.ts';
import { Replica, type ReplicaOptions, type ReplicaStats } from './replica.ts';
import { type Fault, ReplicaServer, type Served } from './replica-server.ts';
import { WaitOf } from './wait.ts';

export interface SimulatorOptions {
  readonly replicas: number;
  /** Simulated seconds in a second. */
  readonly timeScale: number;
  readonly replica: ReplicaOptions;
  /** Every eighth replica has so much of the others' KV cache. */
  readonly smallKv: number;
  /** Of an execution, on average. */
  readonly tokens: number;
  readonly faults: Faults;
  readonly seed: number;
}

/** Times are simulated seconds, of one replica. */
export interface Faults {
  /** Shares of calls: answered by 500, and cut off amid the answer. */
  readonly error500: number;
  readonly cut: number;
  /** Mean time between deaths of an engine, how long its server says so by 500, and how long nobody listens then. */
  readonly deaths: number;
  readonly dying: number;
  readonly down: number;
  /** Mean time between slow periods, how long one lasts, and how many times as long a step takes then. */
  readonly slow: number;
  readonly slowFor: number;
  readonly slowness: number;
}

/** What a replica did between the first and the last call that came to any of them. */
export interface ReplicaPeriod extends ReplicaStats {
  /** Seconds of them in which it was up. */
  readonly up: number;
}

export interface Period {
  /** Simulated seconds between the first and the last call. */
  readonly seconds: number;
  readonly replicas: readonly ReplicaPeriod[];
  readonly served: Served;
  /** Real seconds that the simulator was not scheduled in time, and for which its clock stood still. */
  readonly late: number;
  /** Real seconds that the orchestrator was ready and had no core: the clock stood still for them, too. */
  readonly waited: number;
  readonly cpuSeconds: number;
}

/** Milliseconds between two looks at the clock, and the most that one may be late before the clock stands still. */
const TICK = 4;
const LATE = 40;

interface Snapshot {
  readonly at: number;
  readonly replicas: readonly ReplicaPeriod[];
}

export class Simulator {
  readonly urls: string[] = [];
  readonly #options: SimulatorOptions;
  readonly #servers: ReplicaServer[] = [];
  readonly #served: Served = { calls: 0, answered: 0, choices: 0, faults: {} };
  #now = 0;
  #ticked = performance.now();
  #late = 0;
  #waited = 0;
  /** Seconds that the clock is ahead of the orchestrator, which was kept waiting for them. */
  #ahead = 0;
  #orchestrator: WaitOf | null = null;
  #timer: NodeJS.Timeout | undefined;
  #first: Snapshot | null = null;
  #last: Snapshot | null = null;
  /** Calls when it was last looked. */
  #seen = 0;
  #cpu = process.cpuUsage();

  constructor(options: SimulatorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { replicas, replica, smallKv, tokens, faults, seed } = this.#options;
    const answers = new Answers(tokens);
    for (let i = 0; i < replicas; i++) {
      const events = schedule(faults, random(seedOf('faults', seed, i)));
      const chance = random(seedOf('calls', seed, i));
      const kvTokens = Math.round(replica.kvTokens * (i % 8 === 7 ? smallKv : 1));
      const one = new Replica({ ...replica, kvTokens });
      const server = new ReplicaServer(one, answers, faults, events, chance, this.#served);
      this.#servers.push(server);
      this.urls.push(await server.listen());
    }
    this.#ticked = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK);
  }

  /** The clock stands still where that process waits for a core: it is measured as on a machine of its own. */
  watch(pid: number): void {
    this.#orchestrator = new WaitOf(pid);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  /** What came since the last mark. */
  mark(): Period {
    this.#look();
    const [first, last] = [this.#first, this.#last];
    const replicas = (last?.replicas ?? []).map((one, i) => minus(one, first?.replicas[i] as ReplicaPeriod));
    const { user, system } = process.cpuUsage(this.#cpu);
    const { faults, ...counts } = this.#served;
    const period: Period = {
      seconds: last && first ? last.at - first.at : 0,
      replicas,
      served: { ...counts, faults: { ...faults } },
      late: this.#late,
      waited: this.#waited,
      cpuSeconds: (user + system) / 1e6,
    };
    Object.assign(this.#served, { calls: 0, answered: 0, choices: 0, faults: {} });
    this.#first = this.#last = null;
    this.#seen = this.#late = this.#waited = 0;
    this.#cpu = process.cpuUsage();
    return period;
  }

  #tick(): void {
    const passed = (performance.now() - this.#ticked) / 1000;
    this.#ticked += passed * 1000;
    const waited = this.#orchestrator?.more() ?? 0;
    const counted = Math.min(passed, LATE / 1000);
    this.#late += passed - counted;
    this.#waited += waited;
    // What it waited while this process waited, too, is left out once.
    this.#ahead += Math.max(0, waited - (passed - counted));
    const taken = Math.min(counted, this.#ahead);
    this.#ahead -= taken;
    this.#look();
    this.#now += (counted - taken) * this.#options.timeScale;
    for (const server of this.#servers) server.advance(this.#now);
  }

  /** Keeps what was done so far where a call has come. */
  #look(): void {
    if (this.#served.calls === this.#seen) return;
    this.#seen = this.#served.calls;
    this.#last = { at: this.#now, replicas: this.#servers.map(({ stats, up }) => ({ ...stats, up })) };
    this.#first ??= this.#last;
  }
}

function minus(a: ReplicaPeriod, b: ReplicaPeriod): ReplicaPeriod {
  const entries = Object.entries(a) as [keyof ReplicaPeriod, number][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name, value - b[name]]),
  ) as unknown as ReplicaPeriod;
}

/** What befalls a replica, in its order, without end. */
function* schedule(faults: Faults, next: () => number): Generator<Fault, never, undefined> {
  // Times between them are exponential.
  const after = (mean: number) => -mean * Math.log(1 - next());
  let [death, slow] = [after(faults.deaths), after(faults.slow)];
  for (;;) {
    if (death <= slow) {
      yield { kind: 'death', at: death };
      death += faults.dying + faults.down + after(faults.deaths);
    } else {
      yield { kind: 'slow', at: slow };
      slow += faults.slowFor + after(faults.slow);
    }
  }
}

if (import.meta.main) {
  const simulator = new Simulator(JSON.parse(process.argv[2] ?? '{}') as SimulatorOptions);
  await simulator.start();
  process.on('message', ({ watch }: { readonly watch?: number }) => {
    if (watch === undefined) process.send?.({ period: simulator.mark() });
    else simulator.watch(watch);
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ urls: simulator.urls });
}

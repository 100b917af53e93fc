import type { CallFailure } from './call-failure.ts';
import type { Clock } from './clock.ts';
import { type EndpointLimits, EndpointState } from './endpoint-state.ts';

/** What a server tells of itself that is well. */
export interface Vitals {
  /** Sequences that others have there. */
  readonly others: number;
  /** Steps of its engine so far, and whether it has anything to do: one that has, and takes none, hangs. Absent where it does not tell. */
  readonly steps?: { readonly count: number; readonly busy: boolean };
}

/** A place where calls are made. */
export interface Endpoint<Job, Result> {
  /** For messages: an address without secrets. */
  readonly name: string;
  /** Rejects with a CallFailure; anything else that it throws is a bug and ends the run. */
  call(job: Job, signal: AbortSignal): Promise<Result>;
  /** How its server is, where that can be asked; rejects with a CallFailure where it is not well: `lost` where it says so itself. */
  vitals?(signal: AbortSignal): Promise<Vitals>;
}

/** What keeps jobs together that are cheaper in one place. */
export interface Affinity<Job> {
  /** The share of a job that each place knows already, by its index. */
  known(job: Job): readonly number[];
  /** A job is sent there. */
  sent(job: Job, place: number): void;
}

/** To know all of a job is worth this many calls more than the other places have, and this share of what they have on average. */
const WORTH = { calls: 8, share: 0.25 };

/** The share of an endpoint's calls that any job may take; the rest is for those that it knows. Where all were given to any, a busy one
 * would take whatever comes when a call ends. */
const ANY = 0.8;

/** An endpoint and what is known of it. */
export interface Place<Job, Result> {
  readonly endpoint: Endpoint<Job, Result>;
  readonly state: EndpointState;
  /** Ends its calls by a failure. */
  readonly underWay: Set<(failure: CallFailure) => void>;
}

/** The endpoints of a scheduler: which of them takes the next call, and when one will again. */
export class Places<Job, Result> {
  readonly #places: readonly Place<Job, Result>[];
  readonly #clock: Clock;
  readonly #affinity: Affinity<Job> | null;
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake = () => {};

  constructor(
    endpoints: readonly Endpoint<Job, Result>[],
    limits: EndpointLimits,
    clock: Clock,
    affinity: Affinity<Job> | null = null,
  ) {
    const any = affinity !== null && endpoints.length > 1 ? ANY : 1;
    this.#places = endpoints.map((endpoint) => ({
      endpoint,
      state: new EndpointState(limits, any),
      underWay: new Set(),
    }));
    this.#clock = clock;
    this.#affinity = affinity;
  }

  get all(): readonly Place<Job, Result>[] {
    return this.#places;
  }

  get several(): boolean {
    return this.#places.length > 1;
  }

  get names(): string {
    return this.#places.map(({ endpoint }) => endpoint.name).join(', ');
  }

  /** Calls that all of them take at once. */
  get limit(): number {
    return this.#places.reduce((sum, { state }) => sum + state.limit, 0);
  }

  get anyInFlight(): boolean {
    return this.#places.some(({ state }) => state.inFlight > 0);
  }

  get allGone(): boolean {
    return this.#places.every(({ state }) => state.gone);
  }

  /** The free one with the least load; null where none is free. */
  leastLoaded(): Place<Job, Result> | null {
    const now = this.#clock.now();
    let best: Place<Job, Result> | null = null;
    for (const place of this.#places) {
      if (place.state.freeToAny(now) && (best === null || place.state.load < best.state.load)) best = place;
    }
    return best;
  }

  /** The one that takes a job: the least loaded, or one that knows enough of it to be worth a wait; null where none is free. */
  take(job: Job): Place<Job, Result> | null {
    const least = this.leastLoaded();
    if (least === null || this.#affinity === null || !this.several) return least;
    const now = this.#clock.now();
    const usable = this.#places.filter(({ state }) => !state.gone && !state.out);
    const mean = usable.reduce((sum, { state }) => sum + state.calls, 0) / usable.length;
    const known = this.#affinity.known(job);
    const cost = (index: number, { state }: Place<Job, Result>) =>
      state.calls - (known[index] ?? 0) * (WORTH.calls + WORTH.share * mean);
    let best = this.#places.indexOf(least);
    let lowest = cost(best, least);
    for (const [index, place] of this.#places.entries()) {
      const own = cost(index, place);
      if (own < lowest && place.state.free(now)) [best, lowest] = [index, own];
    }
    this.#affinity.sent(job, best);
    return this.#places[best] ?? null;
  }

  /** Nothing is free: the end of a call will tell, or the end of a pause, for which there is a timer. */
  await(free: () => void): void {
    const now = this.#clock.now();
    const paused = this.#places.filter(({ state }) => !state.gone && !state.out && state.pausedUntil > now);
    // A pause that has ended since somebody looked ends now: no call may be left to tell.
    const ended = this.#places.some(({ state }) => state.freeToAny(now));
    const until = ended ? now : Math.min(...paused.map(({ state }) => state.pausedUntil));
    if (until >= this.#wakeAt) return;
    this.#cancelWake();
    this.#wakeAt = until;
    this.#cancelWake = this.#clock.timer(until - now, () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      free();
    });
  }

  /** No timer is left, and each is worth another try. */
  rest(): void {
    this.#cancelWake();
    this.#wakeAt = Number.POSITIVE_INFINITY;
    for (const { state } of this.#places) state.revive();
  }
}

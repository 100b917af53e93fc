import type { Clock } from './clock.ts';
import { type EndpointLimits, EndpointState } from './endpoint-state.ts';

/** A place where calls are made. */
export interface Endpoint<Job, Result> {
  /** For messages: an address without secrets. */
  readonly name: string;
  /** Rejects with a CallFailure; anything else that it throws is a bug and ends the run. */
  call(job: Job, signal: AbortSignal): Promise<Result>;
}

/** An endpoint and what is known of it. */
export interface Place<Job, Result> {
  readonly endpoint: Endpoint<Job, Result>;
  readonly state: EndpointState;
}

/** The endpoints of a scheduler: which of them takes the next call, and when one will again. */
export class Places<Job, Result> {
  readonly #places: readonly Place<Job, Result>[];
  readonly #clock: Clock;
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancelWake = () => {};

  constructor(endpoints: readonly Endpoint<Job, Result>[], limits: EndpointLimits, clock: Clock) {
    this.#places = endpoints.map((endpoint) => ({ endpoint, state: new EndpointState(limits) }));
    this.#clock = clock;
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
      if (place.state.free(now) && (best === null || place.state.load < best.state.load)) best = place;
    }
    return best;
  }

  /** Nothing is free: the end of a call will tell, or the end of a pause, for which there is a timer. */
  await(free: () => void): void {
    const now = this.#clock.now();
    const paused = this.#places.filter(({ state }) => !state.gone && state.pausedUntil > now);
    // A pause that has ended since somebody looked ends now: no call may be left to tell.
    const ended = this.#places.some(({ state }) => state.free(now));
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

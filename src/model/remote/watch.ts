import { CallFailure } from './call-failure.ts';
import type { Clock } from './clock.ts';
import type { Place, Vitals } from './places.ts';

export interface WatchOptions {
  /** Milliseconds between two looks at a server, and how long one may take. */
  readonly interval: number;
  /** Milliseconds that an engine with something to do may take no step. */
  readonly stall: number;
}

export const WATCH_DEFAULTS: WatchOptions = { interval: 5000, stall: 120_000 };

/** Looks in a row that brought nothing, before a server is taken out that does not say that it is not well: one that is busy may be late. */
const MISSES = 3;

interface Look {
  misses: number;
  /** When the engine was last seen to take a step, and how many it had taken. */
  stepped: { readonly count: number; readonly at: number } | null;
  /** When it began, and when it ended. */
  begun: number;
  at: number;
  end: (() => void) | null;
  cancel: () => void;
}

/** Looks at those endpoints that tell how they are: one that is not well is taken out, its calls end at once, and it is taken back
 * when it is well again. */
export class Watch<Job, Result> {
  readonly #looks = new Map<Place<Job, Result>, Look>();
  readonly #options: WatchOptions;
  readonly #clock: Clock;
  readonly #changed: () => void;

  /** `changed`: one may have come back, or gone for good. */
  constructor(options: WatchOptions, clock: Clock, changed: () => void) {
    this.#options = options;
    this.#clock = clock;
    this.#changed = changed;
  }

  begin(places: readonly Place<Job, Result>[]): void {
    for (const place of places) {
      if (!place.endpoint.vitals || this.#looks.has(place)) continue;
      this.#looks.set(place, { misses: 0, stepped: null, begun: 0, at: 0, end: null, cancel: () => {} });
      this.#look(place);
    }
  }

  /** A call failed there in a way that may be the server's end: it is looked at now. */
  suspect(place: Place<Job, Result>): void {
    const look = this.#looks.get(place);
    if (look && look.end === null && this.#clock.now() - look.at > this.#options.interval / 10)
      this.#look(place);
  }

  rest(): void {
    for (const { end, cancel } of this.#looks.values()) {
      cancel();
      end?.();
    }
    this.#looks.clear();
  }

  #look(place: Place<Job, Result>): void {
    const look = this.#looks.get(place) as Look;
    const controller = new AbortController();
    look.cancel();
    look.begun = this.#clock.now();
    const ended = (vitals: Vitals | CallFailure) => {
      if (look.end === null || this.#looks.get(place) !== look) return;
      look.cancel();
      look.end = null;
      look.at = this.#clock.now();
      const failure = vitals instanceof CallFailure ? vitals : this.#stalled(place, look, vitals);
      if (failure) this.#ill(place, look, failure);
      else this.#well(place, look, vitals as Vitals);
      look.cancel = this.#clock.timer(this.#options.interval, () => this.#look(place));
    };
    look.end = () => controller.abort();
    const expire = () => {
      const begun = this.#clock.now();
      look.cancel = this.#clock.timer(this.#options.interval, () => {
        // Where this process was busy itself, the answer may be here, unread.
        if (this.#clock.now() - begun > 2 * this.#options.interval) return expire();
        controller.abort();
        ended(new CallFailure('timeout', `${place.endpoint.name} does not say how it is`));
      });
    };
    expire();
    const vitals = async () => place.endpoint.vitals?.(controller.signal) as Promise<Vitals>;
    vitals().then(ended, (error: unknown) =>
      ended(error instanceof CallFailure ? error : new CallFailure('transient', String(error))),
    );
  }

  #well({ state }: Place<Job, Result>, look: Look, { others }: Vitals): void {
    look.misses = 0;
    state.others = others;
    // What was seen before it was taken out says nothing.
    if (state.outSince === null || state.outSince >= look.begun) return;
    state.takeBack();
    this.#changed();
  }

  #ill(place: Place<Job, Result>, look: Look, failure: CallFailure): void {
    look.misses++;
    const sure = failure.kind === 'lost' || failure.kind === 'unreachable';
    if (!sure && look.misses < MISSES) return;
    const now = this.#clock.now();
    place.state.takeOut(now);
    for (const cut of [...place.underWay]) cut(new CallFailure('lost', failure.message, REMEDY));
    place.state.await(now);
    this.#changed();
  }

  /** Why an engine is taken to hang; null for one that works, rests, or does not tell. */
  #stalled({ endpoint }: Place<Job, Result>, look: Look, { steps }: Vitals): CallFailure | null {
    const at = this.#clock.now();
    if (!steps?.busy) look.stepped = null;
    else if (look.stepped?.count !== steps.count) look.stepped = { count: steps.count, at };
    else if (at - look.stepped.at > this.#options.stall)
      return new CallFailure(
        'lost',
        `the engine of ${endpoint.name} has taken no step for ${this.#options.stall / 1000} s`,
      );
    return null;
  }
}

const REMEDY = { remedy: 'look at the log of the server; it is asked again when it is well' };

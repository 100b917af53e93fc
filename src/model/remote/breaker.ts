import { EvalPlannerError } from '../../errors.ts';
import type { CallFailure } from './call-failure.ts';

/** Counts jobs in a row that failed for good in the same words: what fails alike again and again will go on to. */
export class Breaker {
  readonly #limit: number;
  #message = '';
  #count = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  succeeded(): void {
    this.#count = 0;
  }

  /** Why to stop, where this was one too many. */
  failed({ kind, message, remedy }: CallFailure): EvalPlannerError | null {
    this.#count = message === this.#message ? this.#count + 1 : 1;
    this.#message = message;
    if (this.#count < this.#limit) return null;
    return new EvalPlannerError(
      'model',
      `${this.#count} requests in a row failed alike: ${message}`,
      remedy ??
        (kind === 'permanent'
          ? 'change what the server refuses by this message, or ask another model'
          : 'look at the message of the server, then run the same command again'),
    );
  }
}

import { EvalPlannerError } from '../../errors.ts';
import type { CallFailure } from './call-failure.ts';

/** A job that the server says it would refuse again, when it was sent, and who waits to hear whether it is the job's own failure. */
interface Doubt {
  readonly sent: number;
  readonly settle: (own: boolean) => void;
}

/** Counts jobs in a row that failed for good in the same words: what fails alike again and again will go on to. A failure that is
 * said to be the job's own is in doubt until another job that was sent later is answered, or fails in other words: a server that
 * refuses all by the words of a bad request is an outage too. */
export class Breaker {
  readonly #limit: number;
  #message = '';
  #count = 0;
  #doubts: Doubt[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `sent` numbers the calls. */
  succeeded(sent: number): void {
    this.#count = 0;
    const told = this.#doubts.filter((doubt) => doubt.sent < sent);
    this.#doubts = this.#doubts.filter((doubt) => doubt.sent >= sent);
    for (const { settle } of told) settle(true);
  }

  /** Whether the failure of a call that was sent then is its job's own. */
  doubt(sent: number): Promise<boolean> {
    return new Promise((settle) => this.#doubts.push({ sent, settle }));
  }

  /** Nothing is under way that could tell: they are taken for what they say. */
  believe(own = true): void {
    for (const { settle } of this.#doubts.splice(0)) settle(own);
  }

  /** Why to stop, where this was one too many. */
  failed({ kind, message, remedy }: CallFailure): EvalPlannerError | null {
    if (message !== this.#message) this.believe();
    this.#count = message === this.#message ? this.#count + 1 : 1;
    this.#message = message;
    if (this.#count < this.#limit) return null;
    this.believe(false);
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

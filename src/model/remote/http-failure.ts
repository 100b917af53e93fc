import { CallFailure, kindOfConnection, kindOfStatus } from './call-failure.ts';
import type { Paid } from './completion.ts';
import { retryAfter } from './retry-after.ts';

/** What a client's error tells of a call that failed. */
export interface HttpError {
  readonly error: unknown;
  /** None where no answer came. */
  readonly status?: number | undefined;
  /** The error's own code, as `insufficient_quota`. */
  readonly code?: string | null | undefined;
  readonly header?: (name: string) => string | null | undefined;
}

const NO_MONEY =
  'add credit, or give the key of another account, and run the same command again: what came so far is kept';

/** What is known of how to go on, by status. */
const REMEDIES: Readonly<Record<number, string>> = {
  401: 'give the key of this server by --api-key-env or --api-key-file (in TypeScript apiKeyEnv or apiKeyFile), or check the one that you gave',
  402: NO_MONEY,
  403: 'check that the key may use this model',
  404: "check the address (most end in /v1), the model's name, and whether the server has this API",
};

/** The longest message that is stored with each of many failed requests. */
const LONGEST = 500;

/** A client's error as ours: its kind, how long to wait, what to do. `name` is the server's, and `redact` keeps what it says
 * from telling a key. */
export function httpFailure(
  { error, status, code, header }: HttpError,
  name: string,
  redact: (text: string) => string,
): CallFailure {
  const message = redact(error instanceof Error ? error.message : String(error)).slice(0, LONGEST);
  // A success whose body is not what it should be.
  if (status !== undefined && status < 300) return new CallFailure('transient', `${name}: ${message}`);
  if (status === undefined) {
    const cause = deepest(error);
    return new CallFailure(kindOfConnection(cause), `${name} did not answer: ${cause ?? message}`, {
      remedy: `check that the server at ${name} is running`,
    });
  }
  const wait = header && retryAfter(header, Date.now());
  const remedy =
    status < 400
      ? 'give the address that it redirects to, if you trust it'
      : code === 'insufficient_quota'
        ? NO_MONEY
        : REMEDIES[status];
  return new CallFailure(kindOfStatus(status, code), `${name}: ${message}`, {
    ...(wait === undefined ? {} : { retryAfter: wait }),
    ...(remedy === undefined ? {} : { remedy }),
  });
}

/** The same for an error inside an answer of status 200; one that says nothing of its kind may pass. */
export function insideFailure({ status, code, message, paid }: Inside): CallFailure {
  const kind = status === undefined ? 'transient' : kindOfStatus(status, code);
  const said = `an error with status 200: ${kind === 'transient' ? '' : `${status} `}${message}`;
  const remedy = status === undefined ? undefined : REMEDIES[status];
  return new CallFailure(kind, said.slice(0, LONGEST), {
    ...(remedy === undefined ? {} : { remedy }),
    ...(paid ? { paid } : {}),
  });
}

interface Inside {
  readonly status: number | undefined;
  readonly code: string;
  readonly message: string;
  readonly paid: Paid | null;
}

/** The code at the end of a chain of causes, as ECONNREFUSED. */
function deepest(error: unknown): string | undefined {
  let last = error;
  for (let depth = 0; depth < 8 && last !== undefined && last !== null; depth++) {
    const { code, cause, errors } = last as { code?: unknown; cause?: unknown; errors?: readonly unknown[] };
    if (typeof code === 'string') return code;
    last = cause ?? errors?.[0];
  }
  return undefined;
}

import type { Paid } from './completion.ts';

/** refused: the server has too much to do (429, 503). timeout: no answer in time. unreachable: nobody took the call. lost: the server
 * ended, or stopped answering, with the call in it, which may be why.
 * transient: this answer went wrong, another may not. permanent: the same call would fail again. denied: so would every other: a key
 * that is not taken, a model that is not there, money that ran out. */
export type FailureKind =
  | 'refused'
  | 'timeout'
  | 'unreachable'
  | 'lost'
  | 'transient'
  | 'permanent'
  | 'denied';

/** One call that brought no completion. The message is shown and stored: it holds no secret. */
export class CallFailure extends Error {
  readonly kind: FailureKind;
  /** Milliseconds that the server asked to wait. */
  readonly retryAfter: number | undefined;
  /** What to do about it, where that is known. */
  readonly remedy: string | undefined;
  /** What it cost all the same, where the server says. */
  readonly paid: Paid | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    more: { retryAfter?: number; remedy?: string; paid?: Paid } = {},
  ) {
    super(message);
    this.name = 'CallFailure';
    this.kind = kind;
    this.retryAfter = more.retryAfter;
    this.remedy = more.remedy;
    this.paid = more.paid;
  }
}

/** What an HTTP status other than 2xx says; `code` is the error's own, as in `insufficient_quota`. */
export function kindOfStatus(status: number, code?: string | null): FailureKind {
  // Money that ran out answers 429 too, but waiting brings none.
  if (status === 429) return code === 'insufficient_quota' ? 'denied' : 'refused';
  // 529 is Anthropic's 503; 524 Cloudflare's 504.
  if (status === 503 || status === 529) return 'refused';
  if (status === 408 || status === 504 || status === 524) return 'timeout';
  if (status === 409 || status === 425 || status >= 500) return 'transient';
  return status < 400 || DENIED.has(status) ? 'denied' : 'permanent';
}

/** No key, no money, no right to the model, no such model or address, no method, no way past a proxy. */
const DENIED = new Set([401, 402, 403, 404, 405, 407]);

/** What a broken connection says, by the code of Node's or undici's error. */
export function kindOfConnection(code: string | undefined): FailureKind {
  if (code === undefined) return 'transient';
  if (UNREACHABLE.has(code)) return 'unreachable';
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT' || code === 'ETIMEDOUT')
    return 'timeout';
  return /CERT|_TLS_|VERIFY_LEAF/.test(code) ? 'denied' : 'transient';
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

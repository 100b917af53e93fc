import type Together from 'together-ai';
import { EvalPlannerError } from '../../errors.ts';
import { type KeySource, readKey, redactor } from '../../model/remote/secret.ts';
import { togetherCommand } from '../../package.ts';

export const BASE_URL = 'https://api.together.ai/v1';

export interface ClientOptions extends KeySource {
  /** BASE_URL when absent. */
  readonly baseUrl?: string | undefined;
}

/** The service as a trainer asks it; what it says of itself is made harmless by `failure`. */
export interface Service {
  readonly api: Together;
  readonly baseUrl: string;
  /** For the one request that the package cannot be told to end: an upload. */
  readonly authorization: string;
  /** Its error, or that of a connection, as ours; any other as it is. `what` was being done. */
  failure(error: unknown, what: string): unknown;
  /** What a server said, without the key. */
  redact(text: string): string;
}

/** The package is loaded here, not with ours. Throws EvalPlannerError `usage` where it is not installed, or the key is not there. */
export async function openService({ baseUrl = BASE_URL, ...source }: ClientOptions): Promise<Service> {
  const { default: Together } = await load();
  const apiKey = readKey(source.apiKeyFile === undefined ? { apiKeyEnv: KEY, ...source } : source) as string;
  const redact = redactor(apiKey);
  const api = new Together({
    apiKey,
    baseURL: baseUrl,
    // At its levels it writes requests to the console, whatever an environment variable says.
    logLevel: 'off',
    maxRetries: 5,
    timeout: 60_000,
  });
  return {
    api,
    baseUrl,
    authorization: `Bearer ${apiKey}`,
    failure: (error, what) => failure(error, what, redact),
    redact,
  };
}

const KEY = 'TOGETHER_API_KEY';

async function load(): Promise<typeof import('together-ai')> {
  try {
    return await import('together-ai');
  } catch (error) {
    throw new EvalPlannerError(
      'usage',
      'the trainer together needs the package together-ai, which is not installed or cannot be loaded',
      `${togetherCommand()} (with -g where evalplanner was installed with -g)`,
      error,
    );
  }
}

/** What an error of the package tells, whose classes are loaded with it. */
interface ApiError extends Error {
  readonly status?: number;
  /** The body of the answer. */
  readonly error?: { readonly message?: unknown; readonly error?: { readonly message?: unknown } };
}

/** The HTTP status of an error of the package; undefined where no answer came. */
export const statusOf = (error: unknown): number | undefined => (error as ApiError | null)?.status;

/** Whether the same request may go well later. */
export function mayPass(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== undefined) return status === 408 || status === 409 || status === 429 || status >= 500;
  return isOfConnection(error);
}

/** The package's, or fetch's own: a TypeError by its words, as there are others. */
const isOfConnection = (error: unknown): boolean =>
  error instanceof Error &&
  (/^APIConnection/.test(error.constructor.name) || /^(fetch failed|terminated)/.test(error.message));

const REMEDIES: Readonly<Record<number, string>> = {
  401: `put a key of the account into ${KEY}, or name another variable: trainer.apiKeyEnv`,
  402: 'add credit at the service, and run the same command again: what was done is kept',
  403: 'check that the key may train, and that the account may use this model',
  404: 'check trainer.model: it has to be a name that the service lists for fine-tuning',
  429: 'wait, and run the same command again: what was done is kept',
};

const AGAIN = 'run the same command again: what was done is kept, and a job that goes on there is found';

function failure(error: unknown, what: string, redact: (text: string) => string): unknown {
  if (error instanceof EvalPlannerError || !(error instanceof Error)) return error;
  const status = statusOf(error);
  const { error: body } = error as ApiError;
  const told = body?.error?.message ?? body?.message;
  // Longer ones are pages of a proxy.
  const message = redact(typeof told === 'string' ? `${status} ${told}` : error.message).slice(0, 500);
  if (status !== undefined) {
    const code = status === 429 || status >= 500 ? 'network' : 'usage';
    const remedy = REMEDIES[status] ?? (status >= 500 ? AGAIN : 'correct what it says in the config');
    return new EvalPlannerError(code, `together.ai refused ${what}: ${message}`, remedy);
  }
  if (!isOfConnection(error)) return error;
  const { cause } = error as { cause?: { code?: string; message?: string } };
  const why = redact(cause?.code ?? cause?.message ?? error.message).slice(0, 500);
  return new EvalPlannerError('network', `together.ai could not be reached for ${what}: ${why}`, AGAIN);
}

/** usage: wrong arguments or config; data: a file is not what it should be; run: the run folder; model: a checkpoint
 * or server; network: another machine could not be reached; disk: the file system refused; interrupted: the user stopped it; internal: a bug of ours. */
export type ErrorCode = 'usage' | 'data' | 'run' | 'model' | 'network' | 'disk' | 'interrupted' | 'internal';

/** Exit codes of the command line: 0 done, 1 a quality gate failed, 2 usage or config, 3 infrastructure. */
export const EXIT_CODE: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  data: 2,
  run: 2,
  model: 3,
  network: 3,
  disk: 3,
  interrupted: 130,
  internal: 3,
};

/** The only error a user sees: what happened, and what to do. */
export class EvalPlannerError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'EvalPlannerError';
    this.code = code;
    this.remedy = remedy;
  }
}

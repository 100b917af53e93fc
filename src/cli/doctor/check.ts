import { EvalPlannerError } from '../../errors.ts';
import { engineFailure } from '../../model/local/engine-failure.ts';

/** What was looked at, and what came of it. */
export interface Check {
  readonly name: string;
  /** `none`: not here, and nothing needs it. */
  readonly status: 'ok' | 'warn' | 'fail' | 'none';
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** A check that throws has failed: what it says stands in its place. */
export async function attempt(
  name: string,
  check: () => Check | Promise<Check>,
  fix: string,
): Promise<Check> {
  try {
    return await check();
  } catch (error) {
    return failed(name, error, fix);
  }
}

export function failed(name: string, error: unknown, fix: string): Check {
  const failure = engineFailure(error);
  const detail = failure instanceof Error ? failure.message : String(failure);
  return { name, status: 'fail', detail, fix: failure instanceof EvalPlannerError ? failure.remedy : fix };
}

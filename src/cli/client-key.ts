import { EvalPlannerError } from '../errors.ts';

/** The key that clients of a server of ours have to send, by the variable that has it. Throws EvalPlannerError `usage` where it is not set. */
export function clientKey(variable: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable]?.trim();
  if (key) return key;
  throw new EvalPlannerError(
    'usage',
    `--api-key-env: the environment variable ${variable} is not set`,
    'set it to the key that clients have to send',
  );
}

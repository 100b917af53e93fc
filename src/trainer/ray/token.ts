import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { EvalPlannerError } from '../../errors.ts';

/** The token of a Ray cluster: from the environment variable that is named, or else where Ray's own client looks for it. Undefined
 * where there is none, which a cluster without authentication takes. Throws EvalPlannerError `usage` for one that is named and not
 * there. */
export function readToken(
  named?: string,
  env: NodeJS.ProcessEnv = process.env,
  home: string = homedir(),
): string | undefined {
  if (named !== undefined) {
    const token = env[named]?.trim();
    if (token) return token;
    throw new EvalPlannerError(
      'usage',
      `the environment variable ${named} is not set`,
      `export ${named}=…, or name another one in trainer.tokenEnv`,
    );
  }
  if (env.RAY_AUTH_TOKEN?.trim()) return env.RAY_AUTH_TOKEN.trim();
  const path = env.RAY_AUTH_TOKEN_PATH;
  return (path ? readFile(path) : tryFile(join(home, '.ray', 'auth_token'))) || undefined;
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const remedy = 'correct RAY_AUTH_TOKEN_PATH, or unset it';
    throw new EvalPlannerError('usage', `the token file ${path} cannot be read`, remedy, error);
  }
}

function tryFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

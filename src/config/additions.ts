import type { Difference, Json } from '../key.ts';

/** Whether a change of a run's description only adds work to it: more plans, executions or instructions, further rounds, sources,
 * controls, or other benchmarks. Every generation that is there stays valid then; any other change is another run. */
export function addsOnly({ path, a, b }: Difference): boolean {
  const added = a === undefined && b !== undefined;
  if (/^config\.thoughts\.(plans|executions)$/.test(path)) return more(a, b);
  if (/^config\.rounds\.\d+\.pairs\.[^.]+$/.test(path)) return more(a ?? 0, b);
  if (/^config\.benchmarks(\..+)?$/.test(path)) return true;
  if (path === 'config.controls.unplanned') return b === true;
  return added && /^(config\.rounds\.\d+|(config\.)?sources\.[^.]+|config\.controls\.direct)$/.test(path);
}

const more = (a: Json | undefined, b: Json | undefined) =>
  typeof a === 'number' && typeof b === 'number' && b >= a;

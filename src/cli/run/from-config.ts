import { join } from 'node:path';
import type { Device } from '../../engine/device.ts';
import { readConfig } from '../../open/config.ts';
import { run } from './run.ts';
import { withFields } from './set.ts';

export interface RunCommand {
  readonly config: string;
  readonly out?: string;
  readonly seed?: number;
  readonly benchmarks?: string;
  readonly device: Device;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly until?: string;
  readonly set?: readonly string[];
}

/** `evalplanner run CONFIG`. */
export async function runFromConfig(command: RunCommand, signal: AbortSignal): Promise<void> {
  const { config: file, out, seed: wanted, set = [], ...rest } = command;
  const { config: read, name } = await readConfig(file);
  const changed = withFields(read, set);
  const config = wanted === undefined ? changed : { ...changed, seed: wanted };
  const folder = out ?? join('runs', `${name}-${config.seed ?? 0}`);
  await run({ ...rest, name, folder, config }, signal);
}

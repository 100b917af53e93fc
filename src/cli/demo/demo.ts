import { join } from 'node:path';
import type { Device } from '../../engine/device.ts';
import { EvalPlannerError } from '../../errors.ts';
import { run } from '../run/run.ts';
import { PRESETS, type PresetName } from './presets.ts';

export interface DemoOptions {
  readonly preset: string;
  readonly seed: number;
  readonly out?: string;
  readonly seedModel?: string;
  readonly benchmarks?: string;
  readonly device: Device;
  readonly json?: boolean;
}

/** `evalplanner demo`: the whole method by a config that comes with the package. */
export async function demo(options: DemoOptions, signal: AbortSignal): Promise<void> {
  const { preset, seed, out, seedModel, ...rest } = options;
  if (!Object.hasOwn(PRESETS, preset)) {
    throw new EvalPlannerError(
      'usage',
      `there is no preset ${preset}`,
      'choose --preset quick or --preset full',
    );
  }
  const config = { ...PRESETS[preset as PresetName], seed };
  const chosen = seedModel === undefined ? config : { ...config, models: { judge: seedModel } };
  const folder = out ?? join('runs', `demo-${preset}-${seed}`);
  await run({ ...rest, name: preset, preset, folder, config: chosen }, signal);
}

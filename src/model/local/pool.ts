import { checkDevice, type Device } from '../../engine/device.ts';
import { Pool } from '../../engine/parallel/pool.ts';
import type { Quantization } from '../../engine/quantization.ts';
import { addsInt8 } from '../../engine/quantization-check.ts';
import { EvalPlannerError } from '../../errors.ts';

/** What a device is wanted for. */
export type DeviceUse = 'sampling' | 'training';

/** Throws EvalPlannerError (`model`) where the device is missing, or does not compute what the CPU computes. */
export async function requireDevice(device: Device, uses: readonly DeviceUse[]): Promise<void> {
  const report = await checkDevice(device);
  if (report.state === 'missing') {
    throw new EvalPlannerError('model', `the device ${device} is not here: ${report.reason}`, report.remedy);
  }
  const wrong = uses.find((use) => !report[use]);
  if (wrong === undefined) return;
  throw new EvalPlannerError(
    'model',
    `the device ${device} gives other numbers than the CPU in ${wrong} (tried on a small model)`,
    'use the device cpu; a newer driver may help',
  );
}

/** Throws EvalPlannerError (`model`) where products of 8-bit integers would be wrong, `usage` where there are none. */
async function requireInt8(device: Device): Promise<void> {
  if (device !== 'cpu')
    throw new EvalPlannerError(
      'usage',
      `there is no int8 on the device ${device}`,
      'leave out one of device and quantization',
    );
  if (await addsInt8()) return;
  throw new EvalPlannerError(
    'model',
    'this processor adds up 8-bit products wrongly (it has no VNNI or dot product instructions)',
    'leave out the quantization',
  );
}

/** The engine's workers, on a device and with numbers that were tried before. */
export async function openPool(
  {
    device = 'cpu',
    quantization,
  }: { readonly device?: Device | undefined; readonly quantization?: Quantization | undefined },
  ...uses: readonly DeviceUse[]
): Promise<Pool> {
  await requireDevice(device, uses);
  if (quantization) await requireInt8(device);
  return new Pool(device, quantization);
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors } from '../../engine/safetensors.ts';
import type { LoraOptions } from '../../trainer.ts';
import type { DiskNeed } from '../disk-room.ts';

/** About what checkpoints and states of a training take, from the headers of the start's tensors: 4 bytes a weight, and in a
 * state two moments more. */
export async function diskNeed(weights: string, lora: LoraOptions | undefined): Promise<DiskNeed> {
  let [all, adapter] = [0, 0];
  for (const name of await readdir(weights)) {
    if (!name.endsWith('.safetensors')) continue;
    const file = await openSafetensors(join(weights, name));
    await file.close();
    for (const [tensor, { shape }] of file.entries) {
      all += shape.reduce((product, size) => product * size, 1);
      if (lora && isTarget(tensor, shape, lora)) adapter += lora.rank * ((shape[0] ?? 0) + (shape[1] ?? 0));
    }
  }
  const trained = lora ? adapter : all;
  return { checkpoint: 4 * (lora?.merge ? all : trained), state: 3 * 4 * trained };
}

function isTarget(tensor: string, shape: readonly number[], { targets }: LoraOptions): boolean {
  const layer = tensor.split('.').at(-2) ?? '';
  if (shape.length !== 2 || !tensor.includes('.layers.')) return false;
  return targets === 'all-linear' || targets.includes(layer);
}

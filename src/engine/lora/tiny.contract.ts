import { TINY } from '../llama/tiny.contract.ts';
import { numbers } from '../ops/finite-difference.contract.ts';
import { Adapter, allLinear, type LoraConfig } from './adapter.ts';

export const LORA: LoraConfig = { rank: 3, alpha: 12, targets: allLinear(TINY) };

/** An adapter of the tiny model with nothing zero. */
export function tinyAdapter(lora: LoraConfig = LORA): Adapter {
  const adapter = new Adapter(TINY, lora);
  adapter.flat.set(numbers(adapter.flat.length, 77, 0.3));
  return adapter;
}

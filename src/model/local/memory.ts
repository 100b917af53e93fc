import { totalmem } from 'node:os';
import type { LlamaConfig } from '../../engine/llama/config.ts';
import { parameterCount } from '../../engine/llama/parameters.ts';

/** Bytes. */
export interface MemoryNeeds {
  readonly sampling: number;
  readonly lora: number;
  readonly training: number;
}
export function memoryNeeds(config: LlamaConfig): MemoryNeeds {
  const p = 4 * parameterCount(config);
  return { sampling: p, lora: p, training: p };
}

/** What this process may have: a container's limit where there is one. */
export function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

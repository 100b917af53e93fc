import type { LlamaConfig } from './config.ts';
import { SHAPES } from './tiny.contract.ts';

function isWritten({
  modelType = 'llama',
  ropeScaling,
  slidingWindow,
  layers,
  attentionBias,
}: Partial<LlamaConfig>) {
  if (
    ropeScaling?.type === 'yarn' ||
    ropeScaling?.type === 'longrope' ||
    slidingWindow !== undefined ||
    layers !== undefined
  )
    return false;
  return modelType === 'llama' || modelType === 'qwen2' || (modelType === 'qwen3' && !attentionBias);
}

/** The tiny models that are written as GGUF files, and those that are refused. */
export const WRITTEN = SHAPES.filter(([, change]) => isWritten(change));
export const REFUSED = SHAPES.filter(([, change]) => !isWritten(change));

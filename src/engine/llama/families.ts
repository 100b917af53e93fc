import type { LlamaConfig, ModelType } from './config.ts';
import { gemma3 } from './families/gemma3.ts';
import { llama } from './families/llama.ts';
import { mistral } from './families/mistral.ts';
import { olmo2 } from './families/olmo2.ts';
import { phi3 } from './families/phi3.ts';
import { qwen2 } from './families/qwen2.ts';
import { qwen3 } from './families/qwen3.ts';
import { smollm3 } from './families/smollm3.ts';
import type { Family } from './family.ts';

/** The families this engine runs, by model_type; what they are is from transformers 5, modeling_*.py and configuration_*.py. */
export const FAMILIES: Readonly<Record<ModelType, Family>> = {
  gemma3_text: gemma3,
  llama,
  mistral,
  olmo2,
  phi3,
  qwen2,
  qwen3,
  smollm3,
};

export const familyOf = ({ modelType = 'llama' }: LlamaConfig): Family => FAMILIES[modelType];

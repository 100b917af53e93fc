import { ggufAt } from '../gguf/file.ts';
import { readCheckpoint, readFrozen } from './checkpoint.ts';
import { readGguf } from './gguf.ts';
import type { BaseParameters, Parameters } from './parameters.ts';

/** Read a model: a Hugging Face folder, or a GGUF file. Throws CheckpointError. */
export async function readModel(place: string): Promise<Parameters> {
  const file = await ggufAt(place);
  return file === null ? readCheckpoint(place) : readGguf(file);
}

/** The same where its weights will not change (see readFrozen); those of a GGUF file are float32 all the same. */
export async function readFrozenModel(place: string): Promise<BaseParameters> {
  const file = await ggufAt(place);
  return file === null ? readFrozen(place) : readGguf(file);
}

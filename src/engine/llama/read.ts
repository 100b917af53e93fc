import { ggufAt } from '../gguf/file.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readGguf } from './gguf.ts';
import type { Parameters } from './parameters.ts';

/** Read a model: a Hugging Face folder, or a GGUF file. Throws CheckpointError. */
export async function readModel(place: string): Promise<Parameters> {
  const file = await ggufAt(place);
  return file === null ? readCheckpoint(place) : readGguf(file);
}

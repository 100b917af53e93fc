import { isGguf } from '../gguf/file.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readGguf } from './gguf.ts';
import type { Parameters } from './parameters.ts';

/** Read a model: a Hugging Face folder, or a GGUF file. Throws CheckpointError. */
export async function readModel(place: string): Promise<Parameters> {
  return (await isGguf(place)) ? readGguf(place) : readCheckpoint(place);
}

import { shown } from '../errors.ts';
import { type GgufFile, openGguf } from '../gguf/file.ts';
import { type GgufEntry, type GgufNumbers, writeGguf } from '../gguf/write.ts';
import { checkFinite } from '../safetensors.ts';
import { checkMemory, some } from './checkpoint.ts';
import type { LlamaConfig } from './config.ts';
import {
  divisors,
  fault,
  ggufEntries,
  ROPE_FREQUENCIES,
  readGgufConfig,
  unsupported,
} from './gguf-config.ts';
import { ggufName, reorderRows } from './gguf-names.ts';
import { Parameters, parameterShapes } from './parameters.ts';

/** Every parameter is there, in its shape, and nothing else is: before memory is taken for them. */
function checkTensors(path: string, config: LlamaConfig, { tensors }: GgufFile): void {
  if (config.numHiddenLayers > tensors.size)
    throw fault(path, `${tensors.size} tensors cannot be ${config.numHiddenLayers} layers`);
  const shapes = parameterShapes(config).map(({ name, shape }) => ({ name: ggufName(name), shape }));
  const missing = shapes.filter(({ name }) => !tensors.has(name)).map(({ name }) => name);
  if (missing.length > 0) throw fault(path, `missing from the tensors: ${some(missing)}`);
  const known = new Set([ROPE_FREQUENCIES, ...shapes.map(({ name }) => name)]);
  const unexpected = [...tensors.keys()].filter((name) => !known.has(name));
  if (unexpected.length > 0)
    throw unsupported(path, `it has tensors that this engine does not know: ${some(unexpected)}`);
  for (const { name, shape } of shapes) {
    const found = tensors.get(name)?.shape ?? [];
    if (found.join() !== shape.join())
      throw fault(path, `${name} is ${shown(found)} where its metadata ask for ${shown(shape)}`);
  }
}

/** Read the weights of a GGUF file as float32; throws CheckpointError. */
export async function readGguf(path: string): Promise<Parameters> {
  const file = await openGguf(path);
  try {
    const config = await readGgufConfig(path, file);
    checkTensors(path, config, file);
    checkMemory(path, config);
    const parameters = new Parameters(config);
    for (const { name } of parameters.shapes) {
      const values = parameters.get(name);
      await file.read(ggufName(name), values);
      checkFinite(path, name, values);
      const ordered = reorderRows(name, config, values, true);
      if (ordered !== values) values.set(ordered);
    }
    return parameters;
  } finally {
    await file.close();
  }
}

export interface WriteGgufOptions {
  readonly numbers: GgufNumbers;
  /** What the metadata say beside the config: the model's name, and its tokenizer. */
  readonly entries: readonly GgufEntry[];
}

/** Write a model as a GGUF file, as llama.cpp's converter would. It appears under its name as a whole or not at all, in place of a
 * GGUF file that was there; throws CheckpointError. */
export async function writeModelGguf(
  path: string,
  parameters: Parameters,
  { numbers, entries }: WriteGgufOptions,
): Promise<void> {
  const { config } = parameters;
  const scaling = divisors(config);
  const extra = scaling ? [{ name: ROPE_FREQUENCIES, shape: [scaling.length], data: () => scaling }] : [];
  const tensors = parameters.shapes.map(({ name, shape }) => ({
    name: ggufName(name),
    shape,
    data: () => reorderRows(name, config, parameters.get(name)),
  }));
  await writeGguf(path, {
    entries: [...ggufEntries(path, config), ...entries],
    tensors: [...extra, ...tensors],
    numbers,
  });
}

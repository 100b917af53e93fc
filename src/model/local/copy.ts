import { writeCheckpoint } from '../../engine/llama/checkpoint.ts';
import { writeAdapter } from '../../engine/lora/checkpoint.ts';
import { baseNamed, openApart, openCheckpoint } from './checkpoint.ts';
import { withEngineErrors } from './engine-failure.ts';

/** Write a model under another name as it is: an adapter stays one. */
export async function copyCheckpoint(from: string, to: string): Promise<void> {
  return withEngineErrors(async () => {
    const { parameters, adapter, base, files } = await openApart(from);
    if (adapter) await writeAdapter(to, adapter, { ...baseNamed(base), extraFiles: files });
    else await writeCheckpoint(to, parameters, { extraFiles: files });
  });
}

/** Write an adapter merged into its base, as a checkpoint that needs neither. */
export async function mergeCheckpoint(adapter: string, to: string): Promise<void> {
  return withEngineErrors(async () => {
    const { parameters, files } = await openCheckpoint(adapter);
    await writeCheckpoint(to, parameters, { extraFiles: files });
  });
}

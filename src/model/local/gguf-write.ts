import { basename, resolve } from 'node:path';
import type { GgufNumbers } from '../../engine/gguf/write.ts';
import { writeModelGguf } from '../../engine/llama/gguf.ts';
import { openCheckpoint } from './checkpoint.ts';
import { withEngineErrors } from './engine-failure.ts';
import { entriesOfTokenizer } from './gguf-tokenizer-write.ts';

/** Write a model as a GGUF file, an adapter merged into its base. The file appears as a whole or not at all, in place of a GGUF file
 * that was there. Throws EvalPlannerError for a model or tokenizer that llama.cpp has none of. */
export async function exportGguf(from: string, to: string, numbers: GgufNumbers = 'f16'): Promise<void> {
  return withEngineErrors(async () => {
    const { parameters, files } = await openCheckpoint(from);
    const tokenizer = entriesOfTokenizer(from, files, parameters.config.vocabSize);
    const name = basename(resolve(from)).replace(/\.gguf$/, '');
    await writeModelGguf(to, parameters, {
      numbers,
      entries: [['general.name', 'string', name], ...tokenizer],
    });
  });
}

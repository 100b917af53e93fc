import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { GgufNumbers } from '../../engine/gguf/write.ts';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder } from '../../files.ts';
import { mergeCheckpoint } from '../../model/local/copy.ts';
import { exportGguf } from '../../model/local/gguf-write.ts';
import { localPlace } from '../../model/local/hub.ts';
import { folderOf } from '../../open/names.ts';
import { readJudgeFile, writeJudgeFile } from '../../pipeline/judge-file.ts';
import { diskFailure } from '../../store/failure.ts';
import { print, printable } from '../terminal.ts';

export interface ModelExport {
  readonly model: string;
  readonly to: 'gguf' | 'hf';
  readonly dtype?: GgufNumbers | undefined;
  readonly out: string;
  readonly json?: boolean;
}

/** `evalplanner export --model`: a checkpoint as other engines load it, an adapter merged into its base. */
export async function exportModel({ model, to, dtype, out, json }: ModelExport): Promise<void> {
  const from = folderOf(model, 'an export takes');
  if (to === 'hf' && dtype !== undefined && dtype !== 'f32')
    throw new EvalPlannerError(
      'usage',
      `a Hugging Face folder is written in f32, not in ${dtype}`,
      'leave --dtype out, or export --to gguf',
    );
  if (existsSync(out))
    throw new EvalPlannerError(
      'usage',
      `${out} exists`,
      'choose another name with --out, or remove it first',
    );
  try {
    makeFolder(dirname(resolve(out)));
  } catch (error) {
    throw diskFailure(error, out);
  }
  if (to === 'gguf') await exportGguf(from, out, dtype);
  else {
    await mergeCheckpoint(from, out);
    const judge = await readJudgeFile(await localPlace(from));
    if (judge !== null) await writeJudgeFile(out, judge);
  }
  await print(json ? `${JSON.stringify({ model, to, out })}\n` : `${printable(out)}\n`);
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../files.ts';

const judgeFile = z.object({
  prompts: z.enum(['playground', 'published']),
  form: z.enum(['planned', 'two-call', 'unplanned', 'direct']),
});

/** What a checkpoint was trained to do, in its evalplanner.json: who judges with it need not guess. */
export type JudgeFile = z.output<typeof judgeFile>;

const NAME = 'evalplanner.json';

export function writeJudgeFile(checkpoint: string, { prompts, form }: JudgeFile): Promise<void> {
  return writeAtomically(join(checkpoint, NAME), `${JSON.stringify({ prompts, form }, null, 2)}\n`);
}

/** Null for a checkpoint of somebody else's. */
export async function readJudgeFile(checkpoint: string): Promise<JudgeFile | null> {
  const text = await readFile(join(checkpoint, NAME), 'utf8').catch(() => 'null');
  try {
    return judgeFile.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

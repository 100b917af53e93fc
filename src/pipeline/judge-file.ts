import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EvalPlannerError } from '../errors.ts';
import { writeAtomically } from '../files.ts';
import { RENDERING } from '../model.ts';
import { judgeTemplate } from '../prompts/judge-prompt.ts';
import { type NamedPrompts, OWN_PARTS } from '../prompts/own.ts';
import type { PromptSet } from '../prompts/set.ts';

/** Raised where a reader of before would ask a judge in another way than it was trained to. */
const VERSION = 1;

const count = z.int().nonnegative();
const base = z.enum(['playground', 'published']);
const judgeFile = z.object({
  version: z.literal(VERSION).default(VERSION),
  /** A name, or own texts in place of some of a set. */
  prompts: z.union([base, z.object({ base, texts: z.partialRecord(z.enum(OWN_PARTS), z.string()) })]),
  /** Those that it is asked in. */
  templates: z.array(z.string()).optional(),
  form: z.enum(['planned', 'two-call', 'unplanned', 'direct']),
  /** Longest plan and thought that it was trained to write. */
  maxTokens: z.object({ plan: z.int().positive(), thought: z.int().positive() }).optional(),
  /** How messages were shown to it. */
  rendering: z.string().optional(),
  sources: z.array(z.string()).optional(),
  /** What it was trained on. */
  trained: z.object({ judge: z.string(), seed: z.int(), rounds: count, pairs: count }).optional(),
});

/** What a checkpoint was trained to do, in its evalplanner.json: who judges with it need not guess. */
export type JudgeFile = z.output<typeof judgeFile>;

const NAME = 'evalplanner.json';
/** Own prompts are texts of some pages. */
const LARGEST = 2 ** 20;

/** What is the same of every judge that is trained by these prompts now. */
export function judgeFileOf(
  prompts: NamedPrompts,
  set: PromptSet,
  of: Pick<JudgeFile, 'form' | 'maxTokens' | 'sources' | 'trained'>,
): JudgeFile {
  const templates = templatesOf(set, of.form);
  return { version: VERSION, prompts, templates, rendering: RENDERING, ...of };
}

/** The templates that a judge of this form is asked in, each as `name version`. */
export function templatesOf(set: PromptSet, form: JudgeFile['form']): string[] {
  const templates = form === 'two-call' ? [set.plan, set.execute] : [judgeTemplate(set, form)];
  return templates.map(({ name, version }) => `${name} ${version}`);
}

export function writeJudgeFile(checkpoint: string, file: JudgeFile): Promise<void> {
  return writeAtomically(join(checkpoint, NAME), `${JSON.stringify(file, null, 2)}\n`);
}

/** Null for a checkpoint of somebody else's. Throws EvalPlannerError `data` for a file that is damaged or of a later version. */
export async function readJudgeFile(checkpoint: string): Promise<JudgeFile | null> {
  const path = join(checkpoint, NAME);
  const damaged = (what: string, cause?: unknown) =>
    new EvalPlannerError(
      'data',
      `${path} ${what}`,
      'restore it from a copy, or take it away and say --prompts and --form',
      cause,
    );
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  if (!found.isFile() || found.size > LARGEST) throw damaged('is not what its name says');
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw damaged('cannot be read', error);
  }
  const { version } = (value ?? {}) as { readonly version?: unknown };
  if (typeof version === 'number' && version > VERSION)
    throw new EvalPlannerError(
      'data',
      `${path} is of version ${version}, and this evalplanner reads ${VERSION}`,
      'update evalplanner: this judge has to be asked in a way that it does not know yet',
    );
  const { data, error } = judgeFile.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  const field = issue?.path.join('.') ?? '';
  throw damaged(`is damaged${field === '' ? '' : ` at ${field}`}: ${issue?.message}`, error);
}

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Resolved } from '../config.ts';
import { EvalPlannerError } from '../errors.ts';
import { PLAYGROUND_PROMPTS, type PromptSet, PUBLISHED_PROMPTS } from '../prompts/set.ts';
import type { Template } from '../prompts/template.ts';

const SETS = { playground: PLAYGROUND_PROMPTS, published: PUBLISHED_PROMPTS };

/** The prompts of a config. Throws EvalPlannerError `usage` for a file that is not there, or that lacks a field. */
export async function openPrompts(prompts: Resolved['prompts']): Promise<PromptSet> {
  if (typeof prompts === 'string') return SETS[prompts];
  if (!('base' in prompts)) return prompts;
  const { base, ...files } = prompts;
  const set = SETS[base];
  const own: Record<string, Template<string>> = {};
  for (const [part, file] of Object.entries(files))
    if (file !== undefined) own[part] = await ownTemplate(part, file, set[part as keyof typeof files]);
  return { ...set, ...own };
}

async function ownTemplate(part: string, file: string, of: Template<string>): Promise<Template<string>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new EvalPlannerError(
      'usage',
      `prompts.${part}: ${file} cannot be read`,
      'name a text file with the prompt',
      error,
    );
  });
  const lacks = of.fields.filter((field) => !text.includes(`{${field}}`));
  if (lacks.length > 0)
    throw new EvalPlannerError(
      'usage',
      `prompts.${part}: ${file} has no ${lacks.map((field) => `{${field}}`).join(' and no ')}`,
      `write ${of.fields.map((field) => `{${field}}`).join(', ')} where they belong`,
    );
  // A new version whenever the text changes: what was asked by another one is not reused.
  const version = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { ...of, name: `own ${part}`, version, text };
}

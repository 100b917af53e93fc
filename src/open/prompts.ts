import { readFile } from 'node:fs/promises';
import type { Resolved } from '../config.ts';
import { EvalPlannerError } from '../errors.ts';
import { OWN_PARTS, type OwnPart, promptSet } from '../prompts/own.ts';
import type { PromptSet } from '../prompts/set.ts';

/** The prompts of a config. Throws EvalPlannerError `usage` for a file that is not there, or that lacks a field. */
export async function openPrompts(prompts: Resolved['prompts']): Promise<PromptSet> {
  if (typeof prompts === 'string') return promptSet(prompts);
  if (!('base' in prompts)) return prompts;
  const texts: { [Part in OwnPart]?: string } = {};
  for (const part of OWN_PARTS) {
    const file = prompts[part];
    if (file !== undefined) texts[part] = await ownText(part, file, promptSet(prompts.base)[part].fields);
  }
  return promptSet({ base: prompts.base, texts });
}

async function ownText(part: OwnPart, file: string, fields: readonly string[]): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new EvalPlannerError(
      'usage',
      `prompts.${part}: ${file} cannot be read`,
      'name a text file with the prompt',
      error,
    );
  });
  const braced = (names: readonly string[]) => names.map((name) => `{${name}}`);
  const lacks = braced(fields).filter((field) => !text.includes(field));
  if (lacks.length === 0) return text;
  throw new EvalPlannerError(
    'usage',
    `prompts.${part}: ${file} has no ${lacks.join(' and no ')}`,
    `write ${braced(fields).join(', ')} where they belong`,
  );
}

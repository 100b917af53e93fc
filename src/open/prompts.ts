import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { shot } from '../config/prompts.ts';
import type { Resolved } from '../config.ts';
import { EvalPlannerError } from '../errors.ts';
import { requireGuide } from '../pipeline/guided.ts';
import type { Shot } from '../prompts/guide.ts';
import { OWN_PARTS, type OwnPart, promptSet } from '../prompts/own.ts';
import type { PromptSet } from '../prompts/set.ts';
import { readRows } from '../rows/read.ts';

/** The prompts of a config, with a guide only where thoughts are guided, which has the config's worked examples. Throws EvalPlannerError
 * `usage` for a file that is not there, or that lacks a field. */
export async function openPrompts({
  prompts,
  thoughts,
}: Pick<Resolved, 'prompts' | 'thoughts'>): Promise<PromptSet> {
  const set = await openSet(prompts);
  if (thoughts.writing !== 'guided') {
    const { guide: _, ...rest } = set;
    return rest;
  }
  const guide = requireGuide(set);
  if (thoughts.shots === undefined) return set;
  const shots = await openShots(thoughts.shots);
  const digest = createHash('sha256').update(JSON.stringify(shots)).digest('hex').slice(0, 12);
  return { ...set, guide: { ...guide, shots, version: `${guide.version}-${digest}` } };
}

async function openShots(shots: NonNullable<Resolved['thoughts']['shots']>): Promise<Shot[]> {
  if (typeof shots !== 'string') return shots;
  const found: Shot[] = [];
  for await (const { value, at } of readRows(shots)) {
    const { success, data, error } = shot.safeParse(value);
    if (!success) {
      const { path, message } = error.issues[0] as (typeof error.issues)[0];
      throw new EvalPlannerError(
        'usage',
        `thoughts.shots: ${at}: ${path.join('.') || 'the row'}: ${message}`,
        'write each as {instruction, a, b, plan, execution, verdict}, the verdict A or B',
      );
    }
    found.push(data);
  }
  return found;
}

async function openSet(prompts: Resolved['prompts']): Promise<PromptSet> {
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

import type { JudgeOptions } from '../judging/settings.ts';
import { localPlace } from '../model/local/hub.ts';
import { type JudgeFile, readJudgeFile, templatesOf } from '../pipeline/judge-file.ts';
import { promptSet } from '../prompts/own.ts';

/** How the judge of a folder is asked, by its own evalplanner.json; nothing where it has none. */
export type KnownOptions = Pick<JudgeOptions, 'form' | 'prompts' | 'maxTokens' | 'maxPlanTokens'>;

/** The options by which a checkpoint was trained to judge, for `judge` and its like: `{ ...(await judgeOptions(folder)) }`. */
export async function judgeOptions(folder: string): Promise<KnownOptions> {
  const file = await readJudgeFile(await localPlace(folder));
  return file === null ? {} : knownOptions(file);
}

export function knownOptions({ form, prompts, maxTokens }: JudgeFile): KnownOptions {
  const limits = maxTokens ? { maxTokens: maxTokens.thought, maxPlanTokens: maxTokens.plan } : {};
  return { form, prompts: promptSet(prompts), ...limits };
}

/** What has changed since a judge was trained, so that it is asked in another way than it knows. */
export function changedSince({ prompts, templates, form }: JudgeFile): string[] {
  const now = templatesOf(promptSet(prompts), form);
  const gone = templates?.filter((template) => !now.includes(template)) ?? [];
  return gone.length > 0 ? [`it was trained on prompts that have changed since: ${gone.join(', ')}`] : [];
}

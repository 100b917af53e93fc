import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import { SEED_FOLDER } from '../package.ts';
import { similarWord } from '../text/similar.ts';

/** Where a model is. */
export type ModelPlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | {
      readonly kind: 'server';
      readonly model: string;
      readonly baseURL: readonly string[];
      /** Absent: of any OpenAI-style server. */
      readonly engine?: 'vllm';
    }
  | { readonly kind: 'provider'; readonly provider: string; readonly model: string };

/** A way to name a model. */
interface Form {
  /** Capitals stand for what is to be filled in. */
  readonly form: string;
  readonly example: string;
  /** Its weights are on this machine, so that it can be trained and served. */
  readonly here: boolean;
  readonly pattern: RegExp;
  place(...parts: readonly string[]): ModelPlace;
}

const seed: ModelPlace = { kind: 'folder', folder: join(SEED_FOLDER, 'model') };

/** The grammar of names, on every command line and in every config; what is none of these is a folder. */
const FORMS: readonly Form[] = [
  {
    form: 'playground',
    example: 'playground',
    here: true,
    pattern: /^playground$/,
    place: () => seed,
  },
  {
    form: 'hf:OWNER/NAME',
    example: 'hf:HuggingFaceTB/SmolLM2-135M-Instruct',
    here: true,
    pattern: /^(hf:.+)$/s,
    place: (folder = '') => ({ kind: 'folder', folder }),
  },
  {
    form: 'gguf:FILE',
    example: 'gguf:./SmolLM2-135M-Instruct.Q4_1.gguf',
    here: true,
    pattern: /^gguf:(.+)$/,
    place: (folder = '') => ({ kind: 'folder', folder }),
  },
  {
    form: 'openai:NAME@URL',
    example: 'openai:NAME@https://api.openai.com/v1',
    here: false,
    pattern: /^openai:(.+)@(https?:.+)$/,
    place: (model = '', url = '') => ({ kind: 'server', model, baseURL: [url] }),
  },
  {
    form: 'vllm:NAME@URL[,URL…]',
    example: 'vllm:NAME@http://gpu-1:8000,http://gpu-2:8000',
    here: false,
    pattern: /^vllm:(.+)@(https?:.+)$/,
    place: (model = '', urls = '') => ({
      kind: 'server',
      model,
      baseURL: urls.split(/,(?=https?:)/),
      engine: 'vllm',
    }),
  },
  {
    form: 'ai:PROVIDER/NAME',
    example: 'ai:anthropic/claude-sonnet-4-5',
    here: false,
    pattern: /^ai:([a-z0-9-]+)\/(.+)$/,
    place: (provider = '', model = '') => ({ kind: 'provider', provider, model }),
  },
  {
    form: 'embedded:FOLDER',
    example: 'embedded:./FOLDER',
    here: true,
    pattern: /^embedded:(.+)$/,
    place: (folder = '') => ({ kind: 'folder', folder }),
  },
];

function listed(forms: readonly Form[]): string {
  const [first, ...others] = forms.filter(({ form }) => form !== 'embedded:FOLDER').map(({ form }) => form);
  const all = [`${first} (the seed model)`, 'the FOLDER of a checkpoint', ...others];
  return `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
}

/** What a model may be called, as help and remedies say it. */
export const MODEL_NAMES = listed(FORMS);
/** The same of models that can be trained and served here. */
export const LOCAL_NAMES = listed(FORMS.filter(({ here }) => here));

/** Where a model is, by its name: a name that says nothing of it is what the server at `baseUrl` calls it if there is one, else a
 * folder. Throws EvalPlannerError (`usage`) for one that only begins like one of the forms. */
export function placeOf(name: string, baseUrl: readonly string[] = []): ModelPlace {
  for (const { pattern, place } of FORMS) {
    const [whole, ...parts] = pattern.exec(name) ?? [];
    if (whole !== undefined) return place(...parts);
  }
  if (baseUrl.length > 0) return { kind: 'server', model: name, baseURL: baseUrl };
  const begun = FORMS.find(({ form }) => form.includes(':') && name.startsWith(form.replace(/:.*/, ':')));
  if (begun === undefined) return { kind: 'folder', folder: name };
  throw new EvalPlannerError(
    'usage',
    `${name} is no ${begun.form}`,
    `give it as ${begun.form}, for example ${begun.example}; a folder of this name is embedded:${name}`,
  );
}

/** The folder of a model that is named. Throws EvalPlannerError `usage` for one that is elsewhere; `what` names what needs it here. */
export function folderOf(name: string, what: string): string {
  const place = placeOf(name);
  if (place.kind === 'folder') return place.folder;
  throw new EvalPlannerError(
    'usage',
    `${name} is a model of a server, and ${what} a checkpoint on this machine`,
    `name ${LOCAL_NAMES}`,
  );
}

/** Opens a named folder; one that is no model's because it is not there, or is a run's, is told with what there is. */
export async function inFolder<T>(
  name: string,
  folder: string,
  open: (folder: string) => Promise<T>,
): Promise<T> {
  try {
    return await open(folder);
  } catch (error) {
    throw notAModel(name, folder, error) ?? error;
  }
}

function notAModel(name: string, folder: string, error: unknown): EvalPlannerError | null {
  if (existsSync(join(folder, 'run.db'))) {
    const judges = namesIn(join(folder, 'checkpoints')).filter((judge) => judge !== 'steps');
    return new EvalPlannerError(
      'usage',
      `${name} is the folder of a run, not of a model`,
      judges.length === 0
        ? 'run it again: it has no judge yet'
        : `name one of its judges: ${judges.map((judge) => join(folder, 'checkpoints', judge)).join(', ')}`,
      error,
    );
  }
  if (existsSync(folder) || folder.startsWith('hf:')) return null;
  const near = similarWord(name, ['playground']) ?? nearest(folder);
  return new EvalPlannerError(
    'usage',
    `there is no model ${name}`,
    `${near === null ? '' : `did you mean ${near}? `}A model is ${MODEL_NAMES}`,
    error,
  );
}

export function noModel(more = ''): EvalPlannerError {
  return new EvalPlannerError('usage', 'no model is named', `say --model: ${MODEL_NAMES}${more}`);
}

/** The folder of most similar name, each part of its path taken for what is most like it there; null where a part has none. */
function nearest(folder: string): string | null {
  if (existsSync(folder)) return folder;
  const above = dirname(folder);
  const parent = above === folder ? null : nearest(above);
  if (parent === null) return null;
  const best = similarWord(basename(folder), namesIn(parent));
  return best === null ? null : join(parent, best);
}

/** The folders in a folder. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.name.startsWith('.') && !entry.isFile())
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}

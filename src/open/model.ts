import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Device } from '../engine/device.ts';
import type { Quantization } from '../engine/quantization.ts';
import { EvalPlannerError } from '../errors.ts';
import type { LanguageModel } from '../model/ai-sdk.ts';
import type { Purse } from '../model/remote/budget.ts';
import type { OpenAIApi, PrefillForm } from '../model/remote/openai-protocol.ts';
import type { RemoteOptions } from '../model/remote/remote.ts';
import type { Model } from '../model.ts';
import { SEED_FOLDER } from '../package.ts';
import type { Prices } from '../prices.ts';
import { collectEarly } from './memory.ts';
import { inFolder, type ModelPlace, placeOf } from './names.ts';

/** What the command line says of models that are not in this process. */
export interface ModelOptions {
  readonly device?: Device;
  readonly quantization?: Quantization;
  readonly baseUrl?: readonly string[];
  readonly api?: OpenAIApi;
  /** Of a config: how a chat takes the beginning of an answer. */
  readonly prefill?: PrefillForm;
  readonly apiKeyEnv?: string;
  readonly apiKeyFile?: string;
  readonly revision?: string;
  /** Of a config: false sends none. */
  readonly seeds?: boolean;
  readonly concurrency?: number;
  /** Seconds. */
  readonly timeout?: number;
  readonly prices?: Prices;
  readonly maxCost?: number;
  /** What several models may spend together, in place of `maxCost`. */
  readonly purse?: Purse;
  readonly body?: Readonly<Record<string, unknown>>;
}

type Kind = ModelPlace['kind'];
const REMOTE: readonly Kind[] = ['server', 'provider'];

/** Which models heed an option, and what those are called. */
const HEEDED: readonly (readonly [keyof ModelOptions, string, of: readonly Kind[]])[] = [
  ['quantization', '--quantization is for checkpoints that run here', ['folder']],
  ['baseUrl', '--base-url is for OpenAI-style servers', ['server']],
  ['apiKeyEnv', '--api-key-env is for OpenAI-style servers', ['server']],
  ['apiKeyFile', '--api-key-file is for OpenAI-style servers', ['server']],
  ['body', '--body is for OpenAI-style servers', ['server']],
  ['revision', '--revision is for models behind a server', REMOTE],
  ['concurrency', '--concurrency is for models behind a server', REMOTE],
  ['timeout', '--timeout is for models behind a server', REMOTE],
  ['prices', '--prices is for models behind a server', REMOTE],
  ['maxCost', '--max-cost is for models behind a server', REMOTE],
];

/** Throws EvalPlannerError `usage` for an option that none of the models heeds: a budget that is not kept is worse than none. */
export function checkModelOptions(
  names: readonly string[],
  options: ModelOptions & { readonly dryRun?: boolean },
): void {
  const kinds = names.map((name) => placeOf(name, options.baseUrl).kind);
  for (const [option, what, of] of HEEDED) {
    if (options[option] === undefined || kinds.some((kind) => of.includes(kind))) continue;
    // What a server would cost can be asked of any judge.
    if (option === 'prices' && options.dryRun && names.length > 0) continue;
    if (names.length === 0)
      throw new EvalPlannerError('usage', `${what}, and no model is asked`, 'leave it out');
    throw new EvalPlannerError(
      'usage',
      `${what}, and ${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} none`,
      of.includes('folder')
        ? 'leave it out; a server has settings of its own'
        : 'leave it out, or name a model of a server: --model NAME --base-url URL',
    );
  }
}

/** The model of that name, ready to be asked: `hf:OWNER/NAME[@REVISION]` (downloaded into the hub's cache where it is missing; the
 * diagnostics channel `evalplanner:download` tells how far it is), the folder of a checkpoint or of a PEFT adapter,
 * `openai:NAME@URL`, `vllm:NAME@URL[,URL…]`, `ai:PROVIDER/NAME`. What it needs is loaded here; `close` gives it back. Throws EvalPlannerError: `usage` for
 * options that do not fit, `model` for one that is not there or does not run here, `network`, `disk`. */
export async function openModel(name: string, options: ModelOptions = {}): Promise<Model> {
  const place = placeOf(name, options.baseUrl);
  if (place.kind === 'folder') {
    const { device, quantization } = options;
    const { openEmbedded } = await import('../model/open-embedded.ts');
    return inFolder(name, place.folder, (folder) =>
      openEmbedded(folder, {
        ...(device ? { device } : {}),
        ...(quantization ? { quantization } : {}),
        onForeign: ({ prompts, foreign, tokens }) => {
          const who = folder === join(SEED_FOLDER, 'model') ? 'the seed model' : folder;
          const have = foreign === 1 ? 'has' : 'have';
          process.stderr.write(
            `note: ${who} knows the ${tokens} words of its vocabulary only; ${foreign} of ${prompts} prompts ${have} other words; name another model with --model\n`,
          );
        },
      }),
    );
  }
  collectEarly();
  const {
    revision,
    concurrency,
    timeout,
    prices,
    maxCost,
    purse,
    api,
    prefill,
    apiKeyEnv,
    apiKeyFile,
    body,
    seeds,
  } = options;
  const remote: RemoteOptions = {
    ...(revision ? { revision } : {}),
    ...(concurrency
      ? { maxConcurrency: Math.ceil(concurrency), initialConcurrency: Math.min(32, Math.ceil(concurrency)) }
      : {}),
    ...(timeout ? { timeout: timeout * 1000 } : {}),
    ...(prices ? { prices } : {}),
    ...(maxCost ? { maxCost } : {}),
    ...(purse && prices ? { purse } : {}),
  };
  const notice = (message: string) => void process.stderr.write(`note: ${message}\n`);
  if (place.kind === 'provider') {
    const { aiSdk } = await import('../model/ai-sdk.ts');
    return aiSdk(await languageModel(place.provider, place.model), { ...remote, notice });
  }
  const open =
    place.engine === 'vllm'
      ? (await import('../model/vllm.ts')).vllm
      : (await import('../model/openai.ts')).openaiCompatible;
  const openAI = place.baseURL.every((url) => URL.parse(url)?.hostname === 'api.openai.com');
  const keyName = apiKeyEnv ?? (openAI && apiKeyFile === undefined ? 'OPENAI_API_KEY' : undefined);
  return open({
    ...remote,
    baseURL: place.baseURL,
    model: place.model,
    ...(api ? { api } : {}),
    ...(prefill ? { prefill } : {}),
    ...(keyName === undefined ? {} : { apiKeyEnv: keyName }),
    ...(apiKeyFile === undefined ? {} : { apiKeyFile }),
    ...(body ? { body } : {}),
    ...(seeds === undefined ? {} : { seeds }),
    notice,
  });
}

/** A provider's package is the user's, found from where the command runs: `@ai-sdk/anthropic` exports `anthropic`. */
async function languageModel(provider: string, model: string): Promise<LanguageModel> {
  const name = `@ai-sdk/${provider}`;
  let path: string;
  try {
    path = createRequire(join(process.cwd(), 'here.js')).resolve(name);
  } catch (error) {
    throw new EvalPlannerError('usage', `${name} is not installed here`, `npm install ${name}`, error);
  }
  const exported = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const camel = provider.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  const make = exported[camel];
  if (typeof make !== 'function') {
    throw new EvalPlannerError(
      'usage',
      `${name} has no export ${camel}`,
      'use the API: aiSdk(languageModel) takes any model of the AI SDK',
    );
  }
  return make(model) as LanguageModel;
}

import { isModel, type ModelChoice } from '../config/model.ts';
import { isPromptSet } from '../config/prompts.ts';
import { isSource } from '../config/source.ts';
import type { Resolved } from '../config.ts';
import type { Json } from '../key.ts';
import { templateVersions } from '../prompts/set.ts';

/** What the ledger is a function of: the config but for where things are and run, and what they may cost. Objects of one's own stand for
 * themselves by their revision; places of data and files of prompts are told by what they hold (RunDescription). */
export function runIdentity({
  serve: _,
  trainer: __,
  budget: ___,
  models,
  sources,
  thoughts: { shots: ____, ...thoughts },
  ...config
}: Resolved): Json {
  return JSON.parse(
    JSON.stringify({
      ...config,
      thoughts,
      prompts: isPromptSet(config.prompts) ? templateVersions(config.prompts) : config.prompts,
      models: Object.fromEntries(
        Object.entries(models).map(([role, model]) => [
          role,
          typeof model === 'string' && role === 'form' ? model : modelIdentity(model as ModelChoice),
        ]),
      ),
      sources: Object.fromEntries(
        Object.entries(sources).map(([name, { from, validation, test, dev, ...how }]) => [
          name,
          {
            ...how,
            ...(from === 'playground' ? { from } : {}),
            ...(isSource(from) ? { revision: from.revision } : {}),
          },
        ]),
      ),
    }),
  ) as Json;
}

/** A model without its address, its key and its price. */
function modelIdentity(model: ModelChoice): unknown {
  if (isModel(model)) return { revision: model.revision };
  if (typeof model === 'string') return model.replace(/^((?:openai|vllm):.+)@https?:.*$/, '$1');
  const { model: name, api, prefill, revision, body } = model;
  const own = { api, prefill, revision, body };
  const said = Object.values(own).some((value) => value !== undefined);
  return said ? { model: modelIdentity(name), ...own } : modelIdentity(name);
}

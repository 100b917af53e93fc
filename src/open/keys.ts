import { EvalPlannerError } from '../errors.ts';
import type { ModelOptions } from './model.ts';
import type { ModelPlace } from './names.ts';

/** The options of the judge and of the model of its plans. A key is for one server: it goes to the judge's, or to that of the
 * plans where the judge is at none, and to no other. */
export function optionsWithKeys(
  setup: ModelOptions & { readonly planApiKeyEnv?: string },
  judge: ModelPlace,
  planner: ModelPlace | null,
): [judge: ModelOptions, planner: ModelOptions] {
  const { apiKeyEnv, apiKeyFile, planApiKeyEnv, ...keyless } = setup;
  if (planApiKeyEnv !== undefined) {
    if (planner?.kind === 'server') return [setup, { ...keyless, apiKeyEnv: planApiKeyEnv }];
    throw new EvalPlannerError(
      'usage',
      '--plan-api-key-env is for a plan model at a server',
      'leave it out, or name one with --plan-model',
    );
  }
  if (planner === null || (apiKeyEnv ?? apiKeyFile) === undefined) return [setup, setup];
  if (judge.kind !== 'server') return planner.kind === 'server' ? [keyless, setup] : [setup, setup];
  if (planner.kind !== 'server') return [setup, keyless];
  const home = origins(judge);
  const others = origins(planner).filter((origin) => !home.includes(origin));
  if (others.length === 0) return [setup, setup];
  process.stderr.write(`note: the key goes to ${home.join(', ')}, not to ${others.join(', ')}\n`);
  return [setup, keyless];
}

const origins = ({ baseURL }: { readonly baseURL: readonly string[] }) => [
  ...new Set(baseURL.map((url) => URL.parse(url)?.origin ?? url)),
];

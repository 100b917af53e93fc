import { engineOptions, loraEnv, servedName, sourceOf, type VllmSetup } from './replicas.ts';

/** A config of Ray Serve for replicas of vLLM behind one address, which sends what begins alike to one of them.
 * https://docs.ray.io/en/latest/serve/llm/ */
export function rayConfig(setup: VllmSetup): object {
  const { replicas, gpus } = setup;
  const env = loraEnv(setup);
  return {
    applications: [
      {
        name: 'evalplanner-vllm',
        route_prefix: '/',
        import_path: 'ray.serve.llm:build_openai_app',
        args: {
          llm_configs: [
            {
              model_loading_config: { model_id: servedName(setup), model_source: sourceOf(setup.model) },
              deployment_config: {
                num_replicas: replicas,
                request_router_config: {
                  request_router_class: 'ray.serve.llm.request_router.PrefixCacheAffinityRouter',
                },
              },
              engine_kwargs: engineArguments(engineOptions(setup)),
              ...(gpus === 0 ? { placement_group_config: { bundles: [{ CPU: 1 }] } } : {}),
              ...(Object.keys(env).length > 0 ? { runtime_env: { env_vars: env } } : {}),
            },
          ],
        },
      },
    ],
  };
}

/** Options of the command line as arguments of the engine. */
function engineArguments(options: readonly string[]): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  let last: string | null = null;
  for (const word of options) {
    const [, name, value] = /^--([\w-]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (name !== undefined) {
      last = name.replaceAll('-', '_');
      given[last] = value === undefined ? true : numberOrText(value);
    } else if (last !== null) {
      given[last] = numberOrText(word);
      last = null;
    }
  }
  return given;
}

const numberOrText = (text: string): string | number => (/^\d+(\.\d+)?$/.test(text) ? Number(text) : text);

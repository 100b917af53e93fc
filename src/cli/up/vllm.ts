import { availableParallelism } from 'node:os';
import { stringify } from 'yaml';
import { EvalPlannerError } from '../../errors.ts';
import { print, printable } from '../terminal.ts';
import { kubernetesManifest } from './kubernetes.ts';
import { rayConfig } from './ray.ts';
import { commandLine, modelName, replicasOf, sourceOf, type VllmSetup } from './replicas.ts';
import { runReplicas } from './start.ts';

export interface UpVllmOptions extends VllmSetup {
  readonly start?: boolean;
  readonly logs: string;
  /** Seconds. */
  readonly wait: number;
  readonly for?: 'ray' | 'kubernetes';
}

/** `evalplanner up vllm`. */
export async function upVllm(options: UpVllmOptions, signal: AbortSignal): Promise<void> {
  sourceOf(options.model);
  const { apiKeyEnv } = options;
  if (apiKeyEnv !== undefined && !/^[A-Za-z_]\w*$/.test(apiKeyEnv))
    throw new EvalPlannerError(
      'usage',
      `${apiKeyEnv} is no name of a variable`,
      'give the name, not the key',
    );
  if (options.for !== undefined) {
    if (options.start)
      throw new EvalPlannerError(
        'usage',
        '--start runs servers here, and --for does not',
        'give one of them',
      );
    await print(options.for === 'ray' ? ray(options) : kubernetes(options));
    return;
  }
  const replicas = replicasOf(options, availableParallelism());
  const name = modelName(
    options,
    replicas.map(({ url }) => url),
  );
  if (options.start) return runReplicas(replicas, { ...options, name }, signal);
  const lines = replicas.map((replica) => commandLine(replica, apiKeyEnv));
  await print(`${printable(lines.join('\n'))}\n# ${printable(name)}\n`);
}

/** Without anchors, which people do not read. */
const yaml = (value: object) => stringify(value, { aliasDuplicateObjects: false });

function ray(options: VllmSetup): string {
  return `# For Ray Serve: serve run FILE. Its fields are those of Ray 2.60 (ray.serve.llm); it was not tried on a cluster.
${yaml(rayConfig(options))}# ${printable(modelName(options, ['http://HEAD:8000']))}
`;
}

function kubernetes(options: VllmSetup): string {
  const { objects, urls } = kubernetesManifest(options);
  return `# For Kubernetes: kubectl apply -f FILE. Its fields are those of Kubernetes 1.33; it was not tried on a cluster.
${objects.map(yaml).join('---\n')}# ${printable(modelName(options, urls))}
`;
}

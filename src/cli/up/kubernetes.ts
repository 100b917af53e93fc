import { engineOptions, loraEnv, servedName, sourceOf, type VllmSetup } from './replicas.ts';

/** The image whose options and addresses are meant. */
const IMAGE = 'vllm/vllm-openai:v0.32.0';
const PORT = 8000;

/** Replicas of vLLM as a StatefulSet: each has a name of its own, by which it is asked, so that what begins alike reaches one of them and
 * each is watched; behind one address that is shared neither is so. */
export function kubernetesManifest(setup: VllmSetup): {
  readonly objects: readonly object[];
  readonly urls: readonly string[];
} {
  const { replicas, gpus, apiKeyEnv } = setup;
  const name = objectName(servedName(setup));
  const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'evalplanner' };
  const variables = [
    ...Object.entries(loraEnv(setup)).map(([key, value]) => ({ name: key, value })),
    ...(apiKeyEnv === undefined
      ? []
      : [{ name: 'VLLM_API_KEY', valueFrom: { secretKeyRef: { name, key: 'api-key' } } }]),
  ];
  const health = { httpGet: { path: '/health', port: 'http' } };
  const container = {
    name: 'vllm',
    image: IMAGE,
    args: [
      ...[sourceOf(setup.model), '--host', '0.0.0.0', '--port', `${PORT}`],
      ...['--served-model-name', servedName(setup), ...engineOptions(setup)],
    ],
    ...(variables.length > 0 ? { env: variables } : {}),
    ports: [{ name: 'http', containerPort: PORT }],
    // Weights are downloaded and loaded before it is well: an hour at most.
    startupProbe: { ...health, periodSeconds: 10, failureThreshold: 360 },
    readinessProbe: { ...health, periodSeconds: 5 },
    // 503 says that the engine is gone, which comes back by a restart alone.
    livenessProbe: { ...health, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 },
    ...(gpus > 0 ? { resources: { limits: { 'nvidia.com/gpu': gpus } } } : {}),
    volumeMounts: [{ name: 'shm', mountPath: '/dev/shm' }],
  };
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, labels },
      spec: {
        clusterIP: 'None',
        selector: labels,
        ports: [{ name: 'http', port: PORT, targetPort: 'http' }],
      },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name, labels },
      spec: {
        serviceName: name,
        replicas,
        podManagementPolicy: 'Parallel',
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [container],
            // The processes of one replica share memory.
            volumes: [{ name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: '8Gi' } }],
          },
        },
      },
    },
  ];
  const urls = Array.from({ length: replicas }, (_, index) => `http://${name}-${index}.${name}:${PORT}`);
  return { objects, urls };
}

/** Of a model, by the rules of RFC 1123 for labels, with room for the number of a replica. */
function objectName(model: string): string {
  const plain = model
    .toLowerCase()
    .replace(/^hf:/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(-45)
    .replace(/^-+|-+$/g, '');
  return `vllm-${plain || 'model'}`;
}

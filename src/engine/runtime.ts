import type * as Runtime from 'onnxruntime-node';
import { RuntimeError } from './errors.ts';

/** ONNX Runtime. It is not among the package's dependencies: its install script fetches from a host that is not npm's and takes the
 * whole install down where it cannot, and a judge behind a server needs no engine. Whoever imports this needs it. */
export const { InferenceSession, Tensor, env, listSupportedBackends } = await load();

async function load(): Promise<typeof Runtime> {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const installed = code !== 'ERR_MODULE_NOT_FOUND' || !message.includes("'onnxruntime-node'");
    throw new RuntimeError(installed, String(message).split('\n')[0] ?? '', error);
  }
}

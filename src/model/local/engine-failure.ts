import { CheckpointError, RuntimeError } from '../../engine/errors.ts';
import { EvalPlannerError } from '../../errors.ts';
import { runtimeCommand } from '../../package.ts';

/** An error of the engine as the one that a user sees; any other as it is. */
export function engineFailure(error: unknown): unknown {
  if (error instanceof CheckpointError) {
    return new EvalPlannerError(error.kind === 'disk' ? 'disk' : 'model', error.message, error.remedy, error);
  }
  if (!(error instanceof RuntimeError)) return error;
  return error.installed
    ? new EvalPlannerError(
        'model',
        `onnxruntime-node, the runtime of the built-in engine, cannot be loaded: ${error.message}`,
        `install it again: ${runtimeCommand()}; it has builds for Linux, macOS and Windows on x64 and arm64`,
        error,
      )
    : new EvalPlannerError(
        'usage',
        'this needs the built-in engine, whose runtime, onnxruntime-node, is not installed',
        `${runtimeCommand()} (with -g where evalplanner was installed with -g)`,
        error,
      );
}

/** Run something of the engine; its errors become those a user sees. */
export async function withEngineErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw engineFailure(error);
  }
}

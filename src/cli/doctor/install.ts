import { EvalPlannerError } from '../../errors.ts';
import { inspectPython, makeEnvironment } from '../../trainer/trl/environment.ts';
import { print } from '../terminal.ts';

/** `evalplanner doctor --install NAME`: the Python environment of a trainer, in the user's cache. Throws EvalPlannerError. */
export async function install(name: string): Promise<void> {
  const say = (message: string) => process.stderr.write(`${message}\n`);
  const python = await makeEnvironment(name, undefined, say).catch((error: Error & { stderr?: string }) => {
    const reason = (error.stderr || error.message).trim().split('\n').at(-1);
    throw new EvalPlannerError(
      'network',
      `the packages of ${name} could not be installed: ${reason}`,
      'install Python 3.10 or later with venv, or uv, and let this machine reach a package index; run the same command again',
      error,
    );
  });
  const { versions, device } = await inspectPython(python, true);
  const told = Object.entries(versions).flatMap(([what, version]) =>
    version === null ? [] : [`${what} ${version}`],
  );
  await print(`${python}\n${told.join(', ')}; computes on ${device}\n`);
}

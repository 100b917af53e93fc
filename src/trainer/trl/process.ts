import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ErrorCode, EvalPlannerError } from '../../errors.ts';
import type { TrainStep } from '../../trainer.ts';
import { PYTHON_FOLDER, pythonEnv } from './environment.ts';
import type { TrlOptions } from './options.ts';

/** Time to end a step and to keep the state, ms: an abort takes 10 s at most. */
const PATIENCE = 8500;
/** Of the log, in an error. */
const LAST_LINES = 12;
const LOG = 'trainer.log';

/** What the Python side prints, a line each. */
type Event =
  | ({ readonly type: 'step' } & TrainStep)
  | { readonly type: 'failure'; readonly code: ErrorCode; readonly message: string; readonly remedy: string }
  | { readonly type: 'done' };

export interface PythonRun {
  readonly python: string;
  /** The file of the job. */
  readonly job: string;
  /** The folder of the training; its log goes there. */
  readonly out: string;
  readonly options: TrlOptions;
  readonly onStep: (step: TrainStep) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Runs a job in a process group of its own, and tells its steps as they come. Aborted, the group is asked to keep its state and end, and
 * ended where it does not; where this process dies, it ends by itself. Throws the signal's reason, or EvalPlannerError. */
export async function runPython({ python, job, out, options, onStep, signal }: PythonRun): Promise<void> {
  signal?.throwIfAborted();
  const log = openSync(join(out, LOG), 'w');
  const child = spawn(python, command(job, options), {
    stdio: ['pipe', 'pipe', log],
    env: pythonEnv(),
    detached: true,
  });
  closeSync(log);
  // It may be gone before it is asked to go.
  child.stdin?.on('error', () => {});
  const kill = (how: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, how);
    } catch {
      // It has ended.
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    kill('SIGTERM');
    timer = setTimeout(() => {
      // What is in no group of ours any more ends with its input.
      child.stdin?.end();
      kill('SIGKILL');
    }, PATIENCE);
  };
  signal?.addEventListener('abort', stop, { once: true });
  let last: Event | undefined;
  let broken: unknown;
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    if (signal?.aborted || broken !== undefined) return;
    try {
      last = JSON.parse(line) as Event;
      if (last.type === 'step') onStep(stepOf(last));
    } catch (error) {
      broken = error;
      stop();
    }
  });
  try {
    const [code, how] = (await once(child, 'close').catch((error: Error) => {
      throw new EvalPlannerError(
        'usage',
        `${python} cannot be started: ${error.message}`,
        'check trainer.python',
      );
    })) as [number | null, NodeJS.Signals | null];
    if (signal?.aborted) throw signal.reason;
    if (broken !== undefined) throw broken;
    if (last?.type === 'failure')
      throw new EvalPlannerError(last.code, `${last.message} (${out})`, last.remedy);
    if (code !== 0 || last?.type !== 'done') throw crashed(out, how ?? `exit code ${code}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    child.stdin?.end();
    kill('SIGKILL');
  }
}

const stepOf = ({ type: _, ...step }: Extract<Event, { type: 'step' }>): TrainStep => step;

/** Presets that lie beside the Python side. */
const PRESETS: readonly string[] = ['fsdp', 'zero2', 'zero3'];

function command(job: string, { processes = 1, accelerate }: TrlOptions): string[] {
  const own = ['-m', 'evalplanner_trainer', 'train', job, '--until-eof'];
  if (processes === 1 && accelerate === undefined) return own;
  const config =
    accelerate === undefined
      ? []
      : [
          '--config_file',
          PRESETS.includes(accelerate)
            ? join(PYTHON_FOLDER, 'evalplanner_trainer', 'accelerate', `${accelerate}.yaml`)
            : accelerate,
        ];
  return ['-m', 'accelerate.commands.launch', ...config, '--num_processes', String(processes), ...own];
}

function crashed(out: string, how: string): EvalPlannerError {
  const path = join(out, LOG);
  const said = existsSync(path)
    ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(-LAST_LINES).join('\n')
    : '';
  return new EvalPlannerError(
    'model',
    `the training in ${out} has ended before its end (${how})${said === '' ? '' : `; its last words:\n${said}`}`,
    `read ${path}; the same command goes on from the last whole state`,
  );
}

/** A checkpoint that cannot be read or written. `disk`: the file system refused; `format`: a file is damaged or not
 * what it says; `unsupported`: a sound checkpoint of a kind this engine does not run. */
export type CheckpointErrorKind = 'disk' | 'format' | 'unsupported';

export class CheckpointError extends Error {
  readonly kind: CheckpointErrorKind;
  readonly remedy: string;

  constructor(kind: CheckpointErrorKind, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CheckpointError';
    this.kind = kind;
    this.remedy = remedy;
  }
}

/** Something from a file in a message: one line of bounded length that cannot steer a terminal. */
export function shown(value: unknown): string {
  let text: string;
  try {
    text = JSON.stringify(value) ?? 'absent';
  } catch {
    text = 'nested without end';
  }
  const plain = text.replace(/[\u007f-\u009f\u2028-\u202e]/g, '\ufffd');
  return plain.length > 120 ? `${plain.slice(0, 120)}…` : plain;
}

/** A step of a training whose loss or gradient is not finite; nothing was updated. */
export class DivergenceError extends Error {
  constructor(step: number, loss: number, gradNorm: number) {
    super(`step ${step} has the loss ${loss} and a gradient of norm ${gradNorm}`);
    this.name = 'DivergenceError';
  }
}

const REMEDY: Readonly<Record<string, readonly [reason: string, remedy: string]>> = {
  ENOSPC: ['the disk is full', 'Free some space there, or choose a folder on another disk, and run again.'],
  EDQUOT: [
    'the disk quota is used up',
    'Free some space there, or choose a folder on another disk, and run again.',
  ],
  EACCES: ['permission denied', 'Give this user access to it, or choose another folder.'],
  EPERM: ['permission denied', 'Give this user access to it, or choose another folder.'],
  EROFS: ['the file system is read-only', 'Choose a folder that can be written.'],
  ENOENT: [
    'no such file or folder',
    'Check the path; a checkpoint is a folder with config.json and model.safetensors.',
  ],
  ENOTDIR: ['a part of the path is a file', 'Check the path; a checkpoint is a folder.'],
  EISDIR: ['it is a folder where a file should be', 'Check the path and remove that folder.'],
  EEXIST: ['a file of that name is in the way', 'Remove it, or choose another name.'],
  EMFILE: ['too many files are open', 'Raise the limit (ulimit -n) and run again.'],
};

/** What the file system threw, as a CheckpointError; a CheckpointError passes through, anything else is rethrown. */
export function diskError(action: 'read' | 'write', path: string, error: unknown): CheckpointError {
  if (error instanceof CheckpointError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (
    !(error instanceof Error) ||
    code === undefined ||
    (error as NodeJS.ErrnoException).syscall === undefined
  )
    throw error;
  const [reason, remedy] = REMEDY[code] ?? [error.message, 'Check the disk and run again.'];
  return new CheckpointError('disk', `cannot ${action} ${path}: ${reason}`, remedy, error);
}

/** What the engine computes with is not installed, or is and cannot be loaded. */
export class RuntimeError extends Error {
  readonly installed: boolean;

  constructor(installed: boolean, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'RuntimeError';
    this.installed = installed;
  }
}

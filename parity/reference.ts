import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';
import { openSafetensors } from '../src/engine/safetensors.ts';

export interface Evaluation {
  readonly greedy: readonly (readonly number[])[];
  /** The smallest difference between the two highest logits along each continuation. */
  readonly gaps: readonly number[];
  /** output_loading_info of from_pretrained. */
  readonly loading: Readonly<Record<string, readonly string[]>>;
}

/** A line of the log of transformers' Trainer. */
export interface LogLine {
  readonly step: number;
  readonly loss: number;
  readonly grad_norm: number;
  readonly learning_rate: number;
}

export interface Training {
  /** Of the first batch, before the first update. */
  readonly loss: number;
  /** The parameters that weight decay applies to. */
  readonly decayed: readonly string[];
  readonly log: readonly LogLine[];
  /** The rows as TRL tokenised them. */
  readonly tokenized: readonly {
    readonly input_ids?: readonly number[];
    /** The same, and -100 where a token carries no loss. */
    readonly labels?: readonly number[];
    readonly prompt_ids?: readonly number[];
    readonly chosen_ids?: readonly number[];
    readonly rejected_ids?: readonly number[];
  }[];
}

/** The process of reference.py, or of another script beside it: one job at a time, in the order asked. */
export class Reference {
  readonly #process: ChildProcess;
  readonly #waiting: { resolve: (result: never) => void; reject: (error: Error) => void }[] = [];
  #errors = '';

  constructor(python: string, name = 'reference.py') {
    const script = join(import.meta.dirname, name);
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-10_000);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { resolve, reject } = this.#waiting.shift()!;
      const { result, error } = JSON.parse(line);
      if (error === undefined) resolve(result as never);
      else reject(new Error(`${name}: ${error}`));
    });
    const gone = (reason: string) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${reason}\n${this.#errors}`));
    };
    child.on('error', (error) => gone(`${python} cannot be started: ${error.message}`));
    child.on('close', (code) => gone(`${name} ended with exit code ${code}`));
  }

  ask<Result>(job: { readonly do: string } & Readonly<Record<string, unknown>>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#process.stdin?.write(`${JSON.stringify(job)}\n`);
    });
  }

  /** Ends the process, after the jobs that were asked for. */
  close(): void {
    this.#process.stdin?.end();
  }
}

let running: Reference | undefined;

/** The process that all files of the suite share. It ends with this one. */
export function reference(): Reference {
  running ??= new Reference(inject('python') as string);
  return running;
}

export const scratch = (): Promise<string> => mkdtemp(join(tmpdir(), 'evalplanner-parity-'));

/** Every tensor of a safetensors file, by name. */
export async function readTensors(path: string): Promise<Map<string, Float32Array>> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, Float32Array>();
    for (const name of file.entries.keys()) tensors.set(name, await file.read(name));
    return tensors;
  } finally {
    await file.close();
  }
}

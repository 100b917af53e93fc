import { join } from 'node:path';
import type { Who } from './settings.ts';
import { Side } from './side.ts';

export interface Setup {
  readonly threads: number;
  /** Null: there is no Python, and ours is measured alone. */
  readonly python: string | null;
  /** Of the real model, each null where it is not there: an interpreter with vLLM, node-llama-cpp, the model's GGUF file. */
  readonly vllm?: string | null;
  readonly llamaCpp?: string | null;
  readonly gguf?: string | null;
  /** Whether this processor adds 8-bit products up rightly. */
  readonly int8: boolean;
  /** Other work runs here. */
  readonly busy: boolean;
  readonly say: (line: string) => void;
}

/** What measures somebody: a program of its own, as the libraries of one do not go with another's. */
export type Program = 'ours' | 'peers' | 'vllm' | 'llama.cpp';

export const isOurs = (who: Who) => who === 'ours' || who === 'ours-int8';

export const programOf = (who: Who): Program => {
  if (isOurs(who)) return 'ours';
  return who === 'vllm' || who === 'llama.cpp' ? who : 'peers';
};

/** Starts them, and knows which ran. */
export class Programs {
  readonly #setup: Setup;
  readonly #sides: Side[] = [];

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** Null where it cannot be had. */
  start(program: Program): Side | null {
    const { threads, python, vllm, llamaCpp, busy } = this.#setup;
    const script = (name: string) => join(import.meta.dirname, name);
    // Threads of OpenMP spin while they wait for one another: a standstill where another process has the core.
    const policy = process.env.OMP_WAIT_POLICY ?? (busy ? 'passive' : undefined);
    const env = {
      OMP_NUM_THREADS: String(threads),
      // For jobs.py.
      PYTHONPATH: join(import.meta.dirname, '../../parity'),
      ...(policy ? { OMP_WAIT_POLICY: policy } : {}),
    };
    const how: Readonly<Record<Program, readonly [string | null | undefined, ...string[]]>> = {
      ours: [process.execPath, script('ours.ts')],
      peers: [python, script('peers.py')],
      vllm: [vllm, script('vllm_side.py')],
      'llama.cpp': [llamaCpp && process.execPath, script('llama-cpp.ts'), llamaCpp ?? ''],
    };
    const [command, ...args] = how[program];
    if (!command) return null;
    const side = new Side(program, command, args, program === 'ours' ? {} : env);
    this.#sides.push(side);
    return side;
  }

  kill(): void {
    for (const side of this.#sides) side.kill();
  }
}

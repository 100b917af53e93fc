import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunConfig } from '../config.ts';
import type { Device } from '../engine/device.ts';
import { Pool } from '../engine/parallel/pool.ts';
import { EvalPlannerError } from '../errors.ts';
import { copyFolder, makeFolder, writeLinesAtomically } from '../files.ts';
import { EmbeddedModel } from '../model/embedded.ts';
import { openCheckpoint } from '../model/local/checkpoint.ts';
import { heldOutPath, readHeldOut, SEED_FOLDER } from '../package.ts';
import type { Observer, Ports } from '../pipeline.ts';
import { playgroundInstructions } from '../playground/source.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { seedOf } from '../random.ts';
import type { Store } from '../store.ts';
import { EmbeddedTrainer } from '../trainer/embedded.ts';
import type { ResponsePair } from '../types.ts';

export interface Wiring {
  readonly folder: string;
  readonly store: Store;
  readonly config: RunConfig;
  readonly seedModel?: string;
  /** Tried before (requireDevice). */
  readonly device: Device;
  readonly observer?: Observer;
  readonly signal?: AbortSignal;
}

/** Everything embedded: model, trainer and the playground's instructions. */
export function embeddedPorts({ folder, store, config, seedModel, device, observer, signal }: Wiring): {
  readonly ports: Ports;
  close(): Promise<void>;
} {
  const pool = new Pool(device);
  const trainer = new EmbeddedTrainer(pool);
  const rowsPath = (name: string) => join(folder, 'data', `${name}.jsonl`);
  const ports: Ports = {
    store,
    trainer,
    prompts: PLAYGROUND_PROMPTS,
    seedModel: seedModel ?? join(SEED_FOLDER, 'model'),
    folder,
    async open(checkpoint) {
      const { parameters, tokenizer } = await openCheckpoint(checkpoint).catch((error: unknown) => {
        throw ofThisRun(error, folder, checkpoint);
      });
      return new EmbeddedModel(pool, parameters, tokenizer);
    },
    instructions(set, domain, count) {
      if (set === 'validation') return playgroundInstructions('validation', domain, count, config.seed);
      const sizes = config.instructions;
      // D1 and D2 are two parts of one draw, so that they cannot overlap.
      const both = playgroundInstructions(
        'train',
        domain,
        sizes.d1[domain] + sizes.d2[domain],
        seedOf(config.seed, 'train'),
      );
      return set === 'd1' ? both.slice(0, sizes.d1[domain]) : both.slice(sizes.d1[domain]);
    },
    heldOut(split, domain, count) {
      const pairs = heldOutPairs(split).filter((pair) => pair.domain === domain);
      return pairs.slice(0, count);
    },
    copyCheckpoint: copyFolder,
    async writeRows(name, rows) {
      makeFolder(join(folder, 'data'));
      const path = rowsPath(name);
      return { path, rows: await writeLinesAtomically(path, rows) };
    },
    hasWritten: (checkpoint, rows) => existsSync(checkpoint) && existsSync(rowsPath(rows)),
    ...(observer ? { observer } : {}),
    ...(signal ? { signal } : {}),
  };
  return { ports, close: () => trainer.close() };
}

/** A checkpoint that the run wrote itself needs another remedy than one that was chosen. */
function ofThisRun(error: unknown, folder: string, checkpoint: string): unknown {
  if (!(error instanceof EvalPlannerError) || !checkpoint.startsWith(join(folder, 'checkpoints')))
    return error;
  const remedy = `restore ${checkpoint} from a copy, or start a new run in another folder with --out; the rest of this one is kept`;
  return new EvalPlannerError(error.code, error.message, remedy, error);
}

function heldOutPairs(split: 'dev' | 'test'): ResponsePair[] {
  const lines = readHeldOut(split).split('\n').filter(Boolean);
  try {
    return lines.map((line) => JSON.parse(line) as ResponsePair);
  } catch (error) {
    throw new EvalPlannerError(
      'data',
      `${heldOutPath(split)} is damaged`,
      'install the package again, or in a checkout: git checkout seed/heldout',
      error,
    );
  }
}

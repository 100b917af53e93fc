import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PRESETS } from '../cli/demo/presets.ts';
import type { RunConfig } from '../config.ts';
import { type ScriptRequest, scripted } from '../model/scripted.ts';
import type { Model } from '../model.ts';
import type { Ports } from '../pipeline.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { random, seedOf } from '../random.ts';
import type { Store } from '../store.ts';
import type { Trainer } from '../trainer.ts';

/** A run whose model is a script and whose trainer writes one word, for tests of everything around them. */

export const CONFIG: RunConfig = { ...PRESETS.tiny, seed: 3 };

/** Answers every prompt of the playground in its format; `skill` is its share of right solutions and verdicts. */
function answer({ text: prompt, seed, temperature }: ScriptRequest, skill: number): string {
  const draw = random(temperature === 0 ? seedOf(prompt) : seed);
  const good = draw() < skill;
  const verdict = () => {
    // In these prompts the chosen response says "right".
    const [, a = ''] = /<A> (.*?) <B>/.exec(prompt) ?? [];
    return a.includes('right') === good ? '[[A]]' : '[[B]]';
  };
  const execution = () => ` <exec> looked at ${Math.floor(draw() * 1000)} </exec> ${verdict()}`;
  if (prompt.endsWith('<change>')) return ` something else <answer> wrong ${Math.floor(draw() * 9)}`;
  if (prompt.endsWith('<verdict>')) return ` ${verdict()}`;
  if (prompt.endsWith('<judge>')) return ` <plan> Check that it is helpful and clear. </plan>${execution()}`;
  if (prompt.endsWith('<plan>')) return ` Check the count is ${Math.floor(draw() * 9)}.`;
  if (prompt.endsWith('<answer>')) {
    const gold = /gold (\d+)/.exec(prompt)?.[1];
    if (gold === undefined) return ` right ${Math.floor(draw() * 9)}`;
    return draw() < 0.5 ? ` right. So ${gold}` : ` wrong. So ${Number(gold) + 1}`;
  }
  return execution();
}

export interface MadeUp {
  readonly ports: Ports;
  /** Keys that were asked for, in order. */
  readonly asked: string[];
  /** Stages as they started. */
  readonly started: string[];
  /** Trainings that ran, with the step each began at. */
  readonly trained: string[];
}

export interface MadeUpOptions {
  readonly signal?: AbortSignal;
  /** Called before every generation and every training step. */
  readonly onUnit?: (stage: string | undefined) => void;
}

export function madeUpRun(store: Store, folder: string, { signal, onUnit }: MadeUpOptions = {}): MadeUp {
  const asked: string[] = [];
  const started: string[] = [];
  const trained: string[] = [];
  const model = (name: string, skill: number): Model => {
    return scripted((request) => {
      onUnit?.(started.at(-1));
      asked.push(request.key);
      return answer(request, skill);
    }, name);
  };
  const trainer: Trainer = {
    async train({ out, optimisation, rows, kind }, onStep, signal) {
      const steps = Math.ceil(rows.length / optimisation.batchSize);
      const state = `${out}.state`;
      const begin = Number(read(state) ?? 0);
      trained.push(`${out.split('/').at(-1)} from ${begin}`);
      await mkdir(join(out, '..'), { recursive: true });
      for (let step = begin + 1; step <= steps; step++) {
        signal?.throwIfAborted();
        onUnit?.(started.at(-1));
        const loss = random(seedOf(optimisation.seed, step, JSON.stringify(rows)))();
        const dpo = kind === 'dpo' ? { margin: loss, accuracy: 1, chosenLogp: -1, rejectedLogp: -2 } : {};
        onStep?.({ step, steps, loss, learningRate: 1, gradNorm: 1, tokens: 10, seconds: 0.1, ...dpo });
        await writeFile(state, String(step));
      }
      await mkdir(join(out, 'step-1'), { recursive: true });
      await writeFile(join(out, 'step-1', 'weights'), JSON.stringify(rows));
      return { checkpoints: [join(out, 'step-1')], steps: [], dropped: 0 };
    },
  };
  const ports: Ports = {
    store,
    trainer,
    prompts: PLAYGROUND_PROMPTS,
    seedModel: 'seed',
    folder,
    async open(checkpoint) {
      const weights = checkpoint === 'seed' ? '' : readFileSync(join(checkpoint, 'weights'), 'utf8');
      return model(createHash('sha256').update(weights).digest('hex'), weights === '' ? 0.6 : 0.8);
    },
    instructions: (set, domain, count) =>
      Array.from({ length: count }, (_, i) => {
        const text = `${set} ${domain} ${i}`;
        if (domain === 'general') return { text, family: 'list' };
        return { text: `${text} gold ${10 * i}`, family: 'shop', answer: String(10 * i) };
      }),
    heldOut: (split, domain, count) =>
      Array.from({ length: count }, (_, i) => ({
        id: `${split} ${domain} ${i}`,
        domain,
        family: 'list',
        instruction: `${split} ${i}`,
        chosen: `right ${i}`,
        rejected: `wrong ${i}`,
        provenance: {},
      })),
    copyCheckpoint: (from, to) => cp(from, to, { recursive: true, force: true }),
    async writeRows() {},
    hasWritten: (checkpoint) => existsSync(checkpoint),
    observer: {
      stageStarted: (name) => started.push(name),
      progress: () => {},
      stageFinished: () => {},
    },
    ...(signal ? { signal } : {}),
  };
  return { ports, asked, started, trained };
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Everything a ledger holds but what a clock says and where a file lies, as text. */
export function ledgerRows(path: string): Record<string, string[]> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = (table: string, columns: string, where = '') =>
      db
        .prepare(`SELECT ${columns} FROM ${table} ${where}`)
        .all()
        .map((row) => JSON.stringify(row))
        .sort();
    return {
      generations: rows('generations', 'key, text, finish_reason, prompt_tokens, completion_tokens'),
      pairs: rows('pairs', '*'),
      plans: rows('plans', '*'),
      thoughts: rows('thoughts', '*'),
      steps: rows('steps', 'stage, step, steps, loss, learning_rate, grad_norm, tokens, margin'),
      evaluations: rows('evaluations', '*'),
      stages: rows('stages', 'name, done, result', `WHERE name <> 'memory'`),
    };
  } finally {
    db.close();
  }
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PRESETS } from '../cli/demo/presets.ts';
import { type Resolved, resolveConfig } from '../config.ts';
import { type ScriptRequest, scripted } from '../model/scripted.ts';
import type { Model } from '../model.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { random, seedOf } from '../random.ts';
import type { Instruction, Source } from '../source.ts';
import type { Store } from '../store.ts';
import type { Trainer } from '../trainer.ts';
import type { PairKind } from '../types.ts';
import { checkpointFolder, stepsFolder } from './folder.ts';
import type { Ports, RunOptions } from './stage.ts';

/** A run whose model is a script and whose trainer writes one word, for tests of everything around them. */

export const CONFIG = resolveConfig({ ...PRESETS.tiny, seed: 3 });

/** The same method with few pairs and no controls, for tests that do it many times. */
export const SMALL = resolveConfig({
  ...PRESETS.tiny,
  seed: 3,
  pairs: { ...PRESETS.tiny.pairs, solutions: 4 },
  rounds: PRESETS.tiny.rounds.map(({ train }) => ({ pairs: { general: 6, math: 4 }, train })),
  validation: { pairs: { general: 4, math: 4 } },
  test: { split: 'dev', pairs: { general: 4, math: 4 } },
  controls: {},
});

/** Answers every prompt of the playground in its format; `skill` is its share of right solutions and verdicts. */
export function answer(
  { text: prompt, seed, temperature }: Pick<ScriptRequest, 'text' | 'seed' | 'temperature'>,
  skill: number,
): string {
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
  readonly options: RunOptions;
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
  /** CONFIG when absent. */
  readonly config?: Resolved;
  /** In place of the script in this process. `skill` is what `answer` takes. */
  readonly model?: (revision: string, skill: number) => Model;
}

export function madeUpRun(store: Store, folder: string, options: MadeUpOptions = {}): MadeUp {
  const { signal, onUnit, config = CONFIG, model: elsewhere } = options;
  const asked: string[] = [];
  const started: string[] = [];
  const trained: string[] = [];
  const model = (name: string, skill: number): Model => {
    if (elsewhere) return elsewhere(name, skill);
    return scripted((request) => {
      onUnit?.(started.at(-1));
      asked.push(request.key);
      return answer(request, skill);
    }, name);
  };
  const trainer: Trainer = {
    kinds: ['sft', 'dpo'],
    async train({ out, optimisation, rows: file, kind, key }, onStep, signal) {
      const rows = readFileSync(file, 'utf8');
      const steps = Math.ceil(rows.trim().split('\n').length / optimisation.batchSize);
      const state = `${out}.state`;
      const [last, at] = (read(state) ?? '').split(' ');
      const begin = last === key ? Number(at) : 0;
      if (begin < steps) trained.push(`${out.split('/').at(-1)} from ${begin}`);
      await mkdir(join(out, '..'), { recursive: true });
      for (let step = 1; step <= steps; step++) {
        signal?.throwIfAborted();
        if (step > begin) onUnit?.(started.at(-1));
        const loss = random(seedOf(optimisation.seed, step, rows))();
        const dpo = kind === 'dpo' ? { margin: loss, accuracy: 1, chosenLogp: -1, rejectedLogp: -2 } : {};
        onStep?.({ step, steps, loss, learningRate: 1, gradNorm: 1, tokens: 10, seconds: 0.1, ...dpo });
        if (step > begin) await writeFile(state, `${key} ${step}`);
      }
      await mkdir(join(out, 'step-1'), { recursive: true });
      await writeFile(join(out, 'step-1', 'weights'), rows);
      return { checkpoints: [join(out, 'step-1')], steps: [], dropped: 0 };
    },
    async close() {},
  };
  const place = (name: string) => {
    const [judge, step] = name.split('/') as [string, string?];
    if (judge === 'M0') return 'seed';
    return step === undefined ? checkpointFolder(folder, judge) : join(stepsFolder(folder, judge), step);
  };
  const ports: Ports = {
    store,
    trainer,
    prompts: PLAYGROUND_PROMPTS,
    folder,
    models: {
      prefills: true,
      place,
      async open(name) {
        const role = name === 'writer' || name === 'solver';
        const weights = role || name === 'M0' ? '' : readFileSync(join(place(name), 'weights'), 'utf8');
        return model(createHash('sha256').update(weights).digest('hex'), weights === '' ? 0.6 : 0.8);
      },
    },
    sources: { general: source('general', config), math: source('math', config) },
  };
  const runOptions: RunOptions = {
    onEvent(event) {
      if (event.type !== 'stage' || event.stage.status !== 'running') return;
      if (started.at(-1) !== event.stage.name) started.push(event.stage.name);
    },
    ...(signal ? { signal } : {}),
  };
  return { ports, options: runOptions, asked, started, trained };
}

/** Instructions of a kind; those of d1 and d2 are the parts of train. */
function source(kind: PairKind, config: Resolved): Source {
  const sizes = config.rounds.map(({ pairs }) => pairs[kind] ?? 0);
  async function* of(split: string): AsyncGenerator<Instruction> {
    for (let i = 0; ; i++) {
      const [set, n] =
        split !== 'train' ? [split, i] : i < (sizes[0] ?? 0) ? ['d1', i] : ['d2', i - (sizes[0] ?? 0)];
      const text = `${set} ${kind} ${n}`;
      if (split === 'dev')
        yield {
          text: `${split} ${n}`,
          family: 'list',
          response: `right ${kind} ${n}`,
          rejected: `wrong ${n}`,
        };
      else if (kind === 'general') yield { text, family: 'list' };
      else yield { text: `${text} gold ${10 * n}`, family: 'shop', answer: String(10 * n) };
    }
  }
  return { kind, revision: 'made up', instructions: of };
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
      stages: rows('stages', 'name, title, kind, plan, status, result'),
    };
  } finally {
    db.close();
  }
}

import { createReadStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelChoice } from '../../src/config/model.ts';
import { type Resolved, resolveConfig } from '../../src/config.ts';
import { type GenerateRequest, type Generation, type Model, promptText } from '../../src/model.ts';
import type { Rejected } from '../../src/pairs/others.ts';
import { PUBLISHED } from '../../src/prompts/published/tags.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { integer, type Random, random, seedOf } from '../../src/random.ts';
import type { Instruction, Source } from '../../src/source.ts';
import type { Trainer } from '../../src/trainer.ts';
import { prose } from './prose.ts';

/** The outside world of the round: nothing of it takes long, and all of it is a function of what it is asked. */

/** The published setting (arXiv 2501.18099). */
export const SETTING = { triples: 21_729, plans: 5, executions: 4 };
/** Held-out pairs: the same in every size. */
const HELD = { validation: 40, test: 100 };
/** Of an instruction, and of a response. */
const CHARACTERS = { instruction: 300, response: 1_000 };
/** Share of the verdicts that are right. */
export const RIGHT = 0.6;
/** Requests that the model holds at once, as a server does, and answers in an order of its own. */
const IN_FLIGHT = 256;

export interface Size {
  readonly triples: number;
  /** Of an execution with its verdict; a plan has a quarter. */
  readonly bytes: number;
  readonly rejected: Rejected;
}

export function configOf(
  { triples, rejected }: Pick<Size, 'triples' | 'rejected'>,
  judge: ModelChoice = 'scripted',
): Resolved {
  const training = { learningRate: 1e-6, warmupSteps: 0, epochs: 1, batchSize: 32 };
  return resolveConfig({
    models: { judge },
    sources: { general: { kind: 'general', from: source, rejected } },
    rounds: [
      {
        pairs: { general: triples },
        train: [
          { kind: 'sft', ...training },
          { kind: 'dpo', beta: 0.1, nllWeight: 1, ...training },
        ],
      },
    ],
    validation: { pairs: { general: HELD.validation } },
    test: { pairs: { general: HELD.test } },
    thoughts: { plans: SETTING.plans, executions: SETTING.executions },
  });
}

export const source: Source = {
  kind: 'general',
  revision: 'made up',
  instructions(split) {
    if (split !== 'train') return null;
    return (async function* (): AsyncGenerator<Instruction> {
      for (let i = 0; ; i++)
        yield { text: `Question ${i}: ${prose(CHARACTERS.instruction, 'x', i)}?`, family: `family ${i % 8}` };
    })();
  },
};

/** A model that answers in the published formats. */
export function scripted(name: string, bytes: number): Model {
  return {
    revision: name,
    prefills: true,
    async *generate(requests, { signal } = {}) {
      const draw = random(0);
      const held: GenerateRequest[] = [];
      for await (const request of requests) {
        if (signal?.aborted) return;
        held.push(request);
        if (held.length > IN_FLIGHT) yield generation(takeAny(draw, held), bytes);
      }
      while (held.length > 0) yield generation(takeAny(draw, held), bytes);
    },
    async close() {},
  };
}

function takeAny<T>(draw: Random, held: T[]): T {
  const at = integer(draw, 0, held.length - 1);
  const taken = held[at] as T;
  held[at] = held.at(-1) as T;
  held.pop();
  return taken;
}

function generation({ key, prompt, stop = [] }: GenerateRequest, bytes: number): Generation {
  const asked = promptText(prompt);
  const whole = answer(key, asked, bytes);
  const ends = stop.map((one) => whole.indexOf(one)).filter((at) => at >= 0);
  const text = ends.length === 0 ? whole : whole.slice(0, Math.min(...ends));
  // Four characters a token.
  const [promptTokens, completionTokens] = [asked, text].map(({ length }) => Math.ceil(length / 4)) as [
    number,
    number,
  ];
  return { key, text, finishReason: 'stop', promptTokens, completionTokens };
}

const { plan, execute, judge, modify, formatPlan, formatExecution } = PUBLISHED_PROMPTS;
const opens = (asked: string, { text }: { readonly text: string }) =>
  asked.startsWith(text.slice(0, text.indexOf('{')));
const GOOD = 'In short:';

/** What a prompt asks for; `thought` is a plan with its execution. */
export type Kind = 'plan' | 'execution' | 'thought' | 'response' | 'modification';

export function kindOf(asked: string): Kind {
  if (opens(asked, plan)) return 'plan';
  if (opens(asked, execute)) return 'execution';
  if (opens(asked, judge)) return 'thought';
  return opens(asked, modify) ? 'modification' : 'response';
}

/** Whether a prompt shows the chosen response first. */
export const chosenFirst = (asked: string) => asked.includes(`Assistant A’s Answer]\n${GOOD}`);

/** `bytes`: of an execution with its verdict. */
export function answerOf(kind: Kind, key: string, bytes: number, letter: 'A' | 'B'): string {
  if (kind === 'plan') return formatPlan(prose(Math.round(bytes / 4), key));
  if (kind === 'execution') return formatExecution(prose(bytes - EMPTY, key), letter);
  if (kind === 'thought')
    return formatPlan(prose(Math.round(bytes / 4), key, 'plan')) + answerOf('execution', key, bytes, letter);
  const response = prose(CHARACTERS.response, key);
  if (kind === 'response') return `${GOOD} ${response}`;
  const { instruction, instructionEnd, response: start, responseEnd } = PUBLISHED;
  const other = prose(CHARACTERS.instruction, key, 'x');
  return `${instruction}\n${other}\n${instructionEnd}\n${start}\n${response}\n${responseEnd}`;
}

const EMPTY = formatExecution('', 'A').length;

function answer(key: string, asked: string, bytes: number): string {
  const right = random(seedOf('right', key))() < RIGHT;
  return answerOf(kindOf(asked), key, bytes, right === chosenFirst(asked) ? 'A' : 'B');
}

/** Reads the rows as a training does, tells its steps and writes a folder. */
export const trainer: Trainer = {
  kinds: ['sft', 'dpo'],
  async train({ kind, rows, out, optimisation }, onStep) {
    let lines = 0;
    for await (const part of createReadStream(rows))
      for (const byte of part as Buffer) if (byte === 10) lines++;
    const steps = Math.ceil(lines / optimisation.batchSize);
    const dpo = kind === 'dpo' ? { margin: 1, accuracy: 1, chosenLogp: -1, rejectedLogp: -2 } : {};
    for (let step = 1; step <= steps; step++)
      onStep?.({ step, steps, loss: 1 / step, learningRate: 1, gradNorm: 1, tokens: 32, seconds: 1, ...dpo });
    const checkpoint = join(out, `step-${steps}`);
    await mkdir(checkpoint, { recursive: true });
    await writeFile(join(checkpoint, 'weights'), String(lines));
    return { checkpoints: [checkpoint], steps: [], dropped: 0 };
  },
  async close() {},
};

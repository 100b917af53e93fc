import { playgroundExecute } from '../prompts/execute.ts';
import {
  formatExecution,
  formatThought,
  playgroundDirect,
  playgroundJudge,
  playgroundUnplanned,
} from '../prompts/judge.ts';
import { playgroundModify } from '../prompts/modify.ts';
import { playgroundPlan } from '../prompts/plan.ts';
import { playgroundResponse } from '../prompts/response.ts';
import { TAG } from '../prompts/tags.ts';
import { render } from '../prompts/template.ts';
import { type Random, shuffle } from '../random.ts';
import { drill } from './drills.ts';
import { execute, executeUnplanned } from './execution.ts';
import { habitPlan, planOf, type Weights, weighted } from './habits.ts';
import { anotherRejected, type OraclePair, oraclePair, sampleDomain } from './pair.ts';
import { sampleModified, sampleProblem } from './split.ts';

export type Task = 'answer' | 'modify' | 'plan' | 'execute' | 'judge' | 'unplanned' | 'direct' | 'drill';

/** One text of M0's pre-training, its loss on the completion, which begins with a space; the trainer ends it with
 * `</s>`. */
export interface SeedExample {
  readonly task: Task;
  readonly prompt: string;
  readonly completion: string;
}

/** Shares of the tasks in M0's pre-training. */
export const MIXTURE: readonly (readonly [Task, number])[] = [
  ['answer', 0.16],
  ['modify', 0.08],
  ['plan', 0.12],
  ['execute', 0.28],
  ['judge', 0.16],
  ['unplanned', 0.04],
  ['direct', 0.02],
  ['drill', 0.14],
];

/** Kinds of the plans that are given to execute: the skill is taught on the strong ones, whatever the habit. */
const GIVEN_GENERAL: Weights = { empty: 0.04, single: 0.32, full: 0.32, reference: 0.32 };
const GIVEN_MATH: Weights = { empty: 0.04, single: 0.22, full: 0.37, reference: 0.37 };

const BOTH_ALIKE = 0.1; // of the given plans meet two right or two wrong responses
const DIRECT_RIGHT = 0.6; // of the verdicts without a thought

/** What decides an execution: these tokens are trained with weight 2.5. */
export const DECIDING_TOKENS: readonly string[] = [
  ' yes',
  ' no',
  ' good',
  ' bad',
  ' up',
  ' down',
  ' nothing',
  TAG.isA,
  TAG.isB,
];
export const DECIDING_WEIGHT = 2.5;

/** Loss weight of a task's tokens. Answers and modifications are short: at equal weight they would be a twentieth of the
 * loss, and thoughts the rest. */
export const TASK_WEIGHT: Readonly<Partial<Record<Task, number>>> = { answer: 4, modify: 2 };

/** The next example of M0's pre-training, seed split only. */
export function seedExample(random: Random): SeedExample {
  let left = random();
  for (const [task, share] of MIXTURE) {
    left -= share;
    if (left < 0) return exampleOf(task, random);
  }
  return exampleOf('drill', random);
}

export function exampleOf(task: Task, random: Random): SeedExample {
  switch (task) {
    case 'answer': {
      const problem = sampleProblem(random, { split: 'seed', domain: sampleDomain(random) });
      const prompt = render(playgroundResponse, { instruction: problem.instruction });
      return { task, prompt, completion: ` ${problem.attempt(random)}` };
    }
    case 'modify': {
      const [problem, modified] = sampleModified(random, { split: 'seed', domain: 'general' });
      const prompt = render(playgroundModify, { instruction: problem.instruction });
      return {
        task,
        prompt,
        completion: ` ${modified.instruction} ${TAG.answer} ${modified.answer(random)}`,
      };
    }
    case 'plan': {
      const problem = sampleProblem(random, { split: 'seed', domain: sampleDomain(random) });
      const prompt = render(playgroundPlan, { instruction: problem.instruction });
      return { task, prompt, completion: ` ${habitPlan(problem, random).text} ${TAG.planEnd}` };
    }
    case 'drill':
      return { task, ...drill(random) };
    default:
      return judged(task, random);
  }
}

function judged(task: 'execute' | 'judge' | 'unplanned' | 'direct', random: Random): SeedExample {
  const pair = oraclePair(random, 'seed', sampleDomain(random));
  const { problem } = pair;
  const { instruction } = problem;
  const [a, b] = shuffle(random, [pair.chosen, pair.rejected]) as [string, string];
  switch (task) {
    case 'execute': {
      const [left, right] = random() < BOTH_ALIKE ? alike(pair, random) : [a, b];
      const given = problem.domain === 'general' ? GIVEN_GENERAL : GIVEN_MATH;
      const plan = planOf(problem, weighted(random, given), random);
      const { text, verdict } = execute(plan, left, right, random);
      const prompt = render(playgroundExecute, { instruction, a: left, b: right, plan: plan.text });
      return { task, prompt, completion: formatExecution(text, verdict) };
    }
    case 'judge': {
      const plan = habitPlan(problem, random);
      const { text, verdict } = execute(plan, a, b, random);
      const prompt = render(playgroundJudge, { instruction, a, b });
      return { task, prompt, completion: formatThought(plan.text, text, verdict) };
    }
    case 'unplanned': {
      const { text, verdict } = executeUnplanned(habitPlan(problem, random), a, b, random);
      const prompt = render(playgroundUnplanned, { instruction, a, b });
      return { task, prompt, completion: formatExecution(text, verdict) };
    }
    case 'direct': {
      const right = random() < DIRECT_RIGHT;
      const verdict = (a === pair.chosen) === right ? TAG.isA : TAG.isB;
      return { task, prompt: render(playgroundDirect, { instruction, a, b }), completion: ` ${verdict}` };
    }
  }
}

function alike(pair: OraclePair, random: Random): [string, string] {
  if (random() < 0.5) return [pair.chosen, pair.problem.answer(random)];
  return [pair.rejected, anotherRejected(pair, 'seed', random)];
}

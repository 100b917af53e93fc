import { integer, pick, type Random } from '../random.ts';

export type Op = '+' | '-' | '*' | '/';

/** `left op right = result`: one sentence of a worked solution. */
export interface Step {
  readonly left: number;
  readonly op: Op;
  readonly right: number;
  readonly result: number;
}

/** A step before it is computed: an operand is a number, or `{ step }`, the result of an earlier step. */
export interface Operation {
  readonly left: Operand;
  readonly op: Op;
  readonly right: Operand;
}

export type Operand = number | { readonly step: number };

export const LARGEST = 99; // larger numbers are not single tokens

export function value(left: number, op: Op, right: number): number {
  switch (op) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
  }
}

/** Whether a number is a single token: an integer within 0..99. */
export function isSmall(number: number): boolean {
  return Number.isInteger(number) && number >= 0 && number <= LARGEST;
}

/** Every step worked out; null when a value leaves the integers within 0..99. */
export function compute(program: readonly Operation[]): Step[] | null {
  return run(program, (step) => step);
}

/** Worked out the sloppy way: each step fails with the given probability, and the rest builds on it. */
export function computeSloppily(program: readonly Operation[], slip: number, random: Random): Step[] {
  for (;;) {
    const steps = run(program, (step) =>
      random() < slip ? slipped(step, program.length > 1, random) : step,
    );
    if (steps !== null && steps.length > 0) return steps;
  }
}

/** Null from `change` skips the step: its left operand stands for its result. */
function run(program: readonly Operation[], change: (step: Step) => Step | null): Step[] | null {
  const results: number[] = [];
  const steps: Step[] = [];
  for (const { left: l, op, right: r } of program) {
    const left = typeof l === 'number' ? l : (results[l.step] as number);
    const right = typeof r === 'number' ? r : (results[r.step] as number);
    const step = change({ left, op, right, result: value(left, op, right) });
    if (step !== null && !(isSmall(step.result) && isSmall(value(step.left, step.op, step.right))))
      return null;
    if (step !== null) steps.push(step);
    results.push(step?.result ?? left);
  }
  return steps;
}

const OTHER_OP: Readonly<Record<Op, Op>> = { '+': '-', '-': '+', '*': '+', '/': '-' };

function slipped(step: Step, maySkip: boolean, random: Random): Step | null {
  const kind = random();
  if (kind < 0.15 && maySkip) return null;
  if (kind < 0.4) {
    const op = OTHER_OP[step.op];
    return { ...step, op, result: value(step.left, op, step.right) };
  }
  const off = pick(random, [1, 1, 2, 10]) * (integer(random, 0, 1) * 2 - 1);
  return { ...step, result: step.result + off };
}

export function stepText({ left, op, right, result }: Step): string {
  return `${left} ${op} ${right} = ${result}.`;
}

/** `7 + 4 = 11. 11 * 2 = 22. So 22.` */
export function solutionText(steps: readonly Step[]): string {
  return `${steps.map(stepText).join(' ')} So ${steps.at(-1)?.result}.`;
}

/** The steps that a response writes, right or wrong. */
export function parseSteps(response: string): Step[] {
  return [...response.matchAll(/\b(\d+) ([-+*/]) (\d+) = (\d+)\b/g)].map(([, left, op, right, result]) => ({
    left: Number(left),
    op: op as Op,
    right: Number(right),
    result: Number(result),
  }));
}

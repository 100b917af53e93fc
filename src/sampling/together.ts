import type { Answer, Ask, Task } from './task.ts';

/** Several tasks as one: each step asks for what all of them want. */
export function* together<T>(tasks: readonly Task<T>[]): Task<T[]> {
  const results = new Array<T>(tasks.length);
  let running = tasks.map((task, index) => ({ task, index }));
  let answers: ReadonlyMap<string, Answer> = new Map();
  while (running.length > 0) {
    const asks: Ask[] = [];
    running = running.filter(({ task, index }) => {
      const { done, value } = task.next(answers);
      if (done) results[index] = value;
      else asks.push(...value);
      return !done;
    });
    if (running.length > 0) answers = yield asks;
  }
  return results;
}

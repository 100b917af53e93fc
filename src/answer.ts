/** The final answer of a worked solution: the number of its last "So N"; null when there is none. */
export function finalAnswer(text: string): string | null {
  let answer: string | null = null;
  for (const [, number] of text.matchAll(/\bSo (-?\d+(?:\.\d+)?)/g)) answer = number as string;
  return answer;
}

/** Whether two final answers are the same number. */
export function sameAnswer(a: string | null, b: string | null): boolean {
  return a !== null && b !== null && Number(a) === Number(b);
}

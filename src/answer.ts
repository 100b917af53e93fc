/** The final answer of a worked solution: the number of its last "So N"; null when there is none. */
export function finalAnswer(text: string): string | null {
  let answer: string | null = null;
  for (const [, number] of text.matchAll(/\bSo (-?\d+(?:\.\d+)?)/g)) answer = number as string;
  return answer;
}

/** Whether two final answers are the same number. A blank is none, though Number makes it 0. */
export function sameAnswer(a: string | null, b: string | null): boolean {
  return Boolean(a?.trim() && b?.trim()) && Number(a) === Number(b);
}

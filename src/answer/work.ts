/** What one check may cost, in characters of spelled expressions: about 20 ms. */
const MAX_WORK = 600_000;
/** What is left of it. A check never waits, so no other one sees it. */
let left = 0;

export function beginWork(): void {
  left = MAX_WORK;
}

/** Whether the check may go on. */
export function spend(cost: number): boolean {
  left -= cost;
  return left >= 0;
}

/** Steps that one check may take; a step is what it takes to compute with a small number, some 100 ns. All published answers of
 * GSM8K and MATH need less than a tenth of them. */
const MAX_STEPS = 50_000;

class TooMuchWork extends Error {}

/** What is left of them, while something is bounded. Checks never wait, so no other one sees it. */
let left = Number.POSITIVE_INFINITY;

/** What a check finds, or `otherwise` where it would take too many steps; one inside of another shares its steps. */
export function bounded<T>(check: () => T, otherwise: T): T {
  if (left < Number.POSITIVE_INFINITY) return check();
  left = MAX_STEPS;
  try {
    return check();
  } catch (error) {
    if (error instanceof TooMuchWork) return otherwise;
    throw error;
  } finally {
    left = Number.POSITIVE_INFINITY;
  }
}

/** Takes steps; throws where none are left, which `bounded` catches. */
export function spend(steps: number): void {
  left -= steps;
  if (left < 0) throw new TooMuchWork();
}

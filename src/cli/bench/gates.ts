import { EXIT_CODE } from '../../errors.ts';
import { percent } from '../../report/format.ts';

/** What is asked of a result, of pairs or of choices. */
interface Gated {
  readonly title: string;
  readonly shares: { readonly error: number };
  readonly official: { readonly score: number };
}

/** Sets the exit code: 3 where the model did not answer, else 1 where a score is below `failUnder`. */
export function gates(results: readonly Gated[], failUnder: number | undefined): void {
  for (const { title, shares } of results) {
    if (shares.error === 0) continue;
    // No verdict of the judge, so no score of it either: what is printed is not to be taken for one.
    const remedy =
      'run the same command again, which asks for what is missing only; prompts that are too long need another model, or of pairs --max-chars';
    process.stderr.write(
      `error: ${title}: the model did not answer ${percent(shares.error)} % of the prompts\nfix: ${remedy}\n`,
    );
    process.exitCode = EXIT_CODE.model;
    return;
  }
  for (const { title, official } of results) {
    if (failUnder === undefined || official.score >= failUnder) continue;
    process.stderr.write(`${title} scored ${official.score.toFixed(4)}, below --fail-under ${failUnder}\n`);
    process.exitCode = 1;
  }
}

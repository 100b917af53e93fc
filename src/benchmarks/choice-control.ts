import { type Interval, wilson } from '../metrics.ts';
import { mean } from './benchmark.ts';
import { type BenchmarkChoice, type ChoiceGame, choicePoints, namedResponses } from './choice.ts';
import { coefficientInterval, conditionalLogit, type Fit } from './conditional-logit.ts';
import { fifths, type LengthControl, rootMeanSquare } from './length.ts';
import { sigmoid } from './logistic.ts';
import {
  type Style,
  type StyleControl,
  scaledStyles,
  styleCoefficients,
  styleDifference,
  styleOf,
} from './style.ts';

/** Length and style control of choices among n, by a conditional logit: P(i is named) ∝ exp(θ rightᵢ + ½ β·xᵢ), with xᵢ how far
 * response i lies from the mean of the others. At equal length or style all x are 0, and one of the r right ones of n is named with
 * probability r eᶿ / (r eᶿ + n − r), whose mean over the choices is reported. Naming is shared as the score shares it: evenly
 * between those with the highest rating or most wins, and between all where there is no verdict; so a fit without x gives the mean
 * of the points, and with two responses it is the pairs' own fit, x₁ − x₂ being twice their difference. */
export interface ChoiceControl {
  readonly length: LengthControl;
  readonly style: StyleControl;
}

/** Null where nothing but ratings counts. */
export function choiceControl(games: readonly ChoiceGame[]): ChoiceControl | null {
  const plain = games.filter(({ choice }) => !choice.ratingsOnly);
  return plain.length === 0 ? null : { length: lengthControl(plain), style: styleControl(plain) };
}

function lengthControl(games: readonly ChoiceGame[]): LengthControl {
  const longer = games.map(({ choice }) => {
    const lengths = choice.responses.map(({ length }) => length);
    return lengths.map((own, i) => own - mean(lengths.toSpliced(i, 1)));
  });
  const spread = rootMeanSquare(longer.flat()) || 1;
  const { fit, accuracy, interval } = fitted(
    games,
    longer.map((own) => own.map((difference) => [Math.tanh(difference / spread)])),
  );
  return {
    accuracyAtEqualLength: accuracy,
    interval,
    coefficient: fit.coefficients[1] as number,
    coefficientInterval: coefficientInterval(fit, 1),
    spread,
    longerIsBetter: mean(games.map(({ choice }) => choicePoints(longest(choice)))),
    fifths: fifths(
      games.map((game) => {
        const { responses, right, prompt } = game.choice;
        const lengths = responses.map(({ length }) => length);
        const difference = mean(lengths.slice(0, right)) - mean(lengths.slice(right));
        return { difference, points: choicePoints(game), prompt };
      }),
    ),
  };
}

/** What a judge says that always names the longest response. */
function longest(choice: BenchmarkChoice): ChoiceGame {
  return { choice, verdict: { ratings: choice.responses.map(({ length }) => length) } };
}

function styleControl(games: readonly ChoiceGame[]): StyleControl {
  const differences = games.map(({ choice }) => {
    const styles = choice.responses.map(styleOf);
    return styles.map((own, i) => styleDifference(own, meanStyle(styles.toSpliced(i, 1))));
  });
  const { used, scaled } = scaledStyles(differences.flat());
  const rows = scaled.values();
  const { fit, accuracy, interval } = fitted(
    games,
    differences.map((own) => own.map(() => rows.next().value as readonly number[])),
  );
  return { accuracyAtEqualStyle: accuracy, interval, coefficients: styleCoefficients(fit, used) };
}

function meanStyle(styles: readonly Style[]): Style {
  const of = (feature: keyof Style) => mean(styles.map((style) => style[feature]));
  return { length: of('length'), headers: of('headers'), lists: of('lists'), bold: of('bold') };
}

/** The fit on being right and the responses' differences, with the accuracy that it gives where nothing differs. */
function fitted(
  games: readonly ChoiceGame[],
  x: readonly (readonly (readonly number[])[])[],
): { readonly fit: Fit; readonly accuracy: number; readonly interval: Interval } {
  const fit = conditionalLogit(
    games.map((game, n) => {
      const { responses, right, prompt } = game.choice;
      const named = namedResponses(game);
      return {
        x: responses.map((_, i) => [i < right ? 1 : 0, ...(x[n]?.[i] ?? []).map((value) => value / 2)]),
        shares: responses.map((_, i) => (named.includes(i) ? 1 / named.length : 0)),
        prompt,
      };
    }),
  );
  const accuracy = (theta: number) =>
    mean(
      games.map(({ choice: { responses, right } }) =>
        sigmoid(theta + Math.log(right / (responses.length - right))),
      ),
    );
  const points = mean(games.map(choicePoints));
  const [low, high] = coefficientInterval(fit, 0);
  return {
    fit,
    accuracy: accuracy(fit.coefficients[0] as number),
    // A fit knows no error where all choices agree.
    interval:
      points === 0 || points === 1 || high - low < 1e-9
        ? wilson(points, new Set(games.map(({ choice }) => choice.prompt)).size)
        : [accuracy(low), accuracy(high)],
  };
}

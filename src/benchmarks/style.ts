import type { Interval } from '../metrics.ts';
import { type Game, judgedOrders } from './benchmark.ts';
import { coefficientInterval, type Fit } from './conditional-logit.ts';
import { accuracyInterval, observation, rootMeanSquare } from './length.ts';
import { logistic, sigmoid } from './logistic.ts';

export const STYLE_FEATURES = ['length', 'headers', 'lists', 'bold'] as const;
export type StyleFeature = (typeof STYLE_FEATURES)[number];

/** How much a judge's verdicts follow length and markdown together. */
export interface StyleControl {
  /** Share of right verdicts between responses of one style. */
  readonly accuracyAtEqualStyle: number;
  readonly interval: Interval;
  /** Log-odds of a right verdict for one standard deviation more of it on the better response; null where nothing differs in it. */
  readonly coefficients: Readonly<
    Record<StyleFeature, { readonly value: number; readonly interval: Interval } | null>
  >;
}

/** Arena-Hard-Auto's style control (arXiv 2406.11939): a logistic fit on four differences of better and worse, length as
 * (a − b) / (a + b), headers, list items and bold spans outside code, by length, as (a − b) / (a + b + 1); each in standard
 * deviations. Two things differ, since this fit asks for one judge at equal style and not for many models: lengths are
 * characters, which need no tokenizer, and differences are not centred, so that 0 stays equal style. */
export function styleControl(games: readonly Game[]): StyleControl {
  const byPair = new Map(
    games.map(({ pair }) => {
      const [first, second] = [styleOf(pair.first), styleOf(pair.second)];
      return [pair, pair.gold === 'first' ? styleDifference(first, second) : styleDifference(second, first)];
    }),
  );
  const rows = judgedOrders(games);
  const all = rows.map(({ pair }) => byPair.get(pair) as Style);
  const { used, scaled } = scaledStyles(all);
  const fit = logistic(rows.map((row, n) => observation(row, scaled[n] as number[])));
  return {
    accuracyAtEqualStyle: sigmoid(fit.coefficients[0] as number),
    interval: accuracyInterval(fit, rows),
    coefficients: styleCoefficients(fit, used),
  };
}

/** Differences of style in standard deviations, of the features in which anything differs. */
export function scaledStyles(differences: readonly Style[]): {
  readonly used: readonly StyleFeature[];
  readonly scaled: readonly (readonly number[])[];
} {
  const spreads = STYLE_FEATURES.map(
    (feature) => [feature, rootMeanSquare(differences.map((own) => own[feature]))] as const,
  ).filter(([, spread]) => spread > 0);
  return {
    used: spreads.map(([feature]) => feature),
    scaled: differences.map((own) => spreads.map(([feature, spread]) => own[feature] / spread)),
  };
}

/** Of a fit whose features are an intercept, or being right, and then those that are used. */
export function styleCoefficients(fit: Fit, used: readonly StyleFeature[]): StyleControl['coefficients'] {
  const coefficient = (feature: StyleFeature) => {
    const i = used.indexOf(feature) + 1;
    return i === 0 ? null : { value: fit.coefficients[i] as number, interval: coefficientInterval(fit, i) };
  };
  return {
    length: coefficient('length'),
    headers: coefficient('headers'),
    lists: coefficient('lists'),
    bold: coefficient('bold'),
  };
}

export type Style = Readonly<Record<StyleFeature, number>>;

/** What Arena-Hard-Auto counts as markdown; code blocks have none. */
export function styleOf(text: string): Style {
  const prose = text.replace(/```[^`]*```/g, '');
  const count = (pattern: RegExp) => prose.match(pattern)?.length ?? 0;
  return {
    length: text.length,
    headers: count(/^#{1,6}\s/gm),
    lists: count(/^\s*(?:\d+\.|[-*+])\s/gm),
    bold: count(/\*\*[^*\n]+\*\*/g) + count(/__[^_\n]+__/g),
  };
}

/** How far a's style lies from b's, each feature from −1 to 1. */
export function styleDifference(a: Style, b: Style): Style {
  const density = (of: Style, feature: StyleFeature) => of[feature] / Math.max(1, of.length);
  const markdown = (feature: StyleFeature) => {
    const [mine, other] = [density(a, feature), density(b, feature)];
    return (mine - other) / (mine + other + 1);
  };
  return {
    length: (a.length - b.length) / Math.max(1, a.length + b.length),
    headers: markdown('headers'),
    lists: markdown('lists'),
    bold: markdown('bold'),
  };
}

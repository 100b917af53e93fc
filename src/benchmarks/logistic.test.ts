import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ORDERS } from '../types.ts';
import type { Game } from './benchmark.ts';
import { coefficientInterval } from './conditional-logit.ts';
import { judgebench } from './judgebench.ts';
import { lengthControl } from './length.ts';
import { logistic } from './logistic.ts';
import { styleControl, styleOf } from './style.ts';

// Of o1-mini on JudgeBench: coefficients and their standard errors.
const LENGTH = [0.9772043032188011, -0.13041437370375908, 0.15973192247332865] as const;
const STYLE = {
  intercept: 0.9681002459093905,
  length: [-0.006239193672615566, 0.09027905990736955],
  headers: [-0.11370780490522339, 0.1001119147509856],
  lists: [-0.029882082026632898, 0.09934612890433893],
  bold: [0.0044370435287378815, 0.09402431690543593],
} as const;

const close = (found: readonly number[], wanted: readonly number[], digits: number) => {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, digits);
};

describe('logistic', () => {
  it('is the log-odds of each group where there are two groups', () => {
    const group = (x: number, right: number, wrong: number) =>
      Array.from({ length: right + wrong }, (_, i) => ({ x: [x], right: i < right, prompt: `${x} ${i}` }));
    const { coefficients } = logistic([...group(0, 300, 100), ...group(1, 100, 300)]);
    close(coefficients, [Math.log(3), -2 * Math.log(3)], 3);
  });

  it("agrees with statsmodels' GLM and its errors clustered by prompt", () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({
      x: [(((i * 7) % 13) - 6) / 4, (((i * 5) % 11) - 5) / 5],
      right: (i * i * 3 + i) % 7 < 4,
      prompt: String(Math.floor(i / 3)),
    }));
    // sm.GLM(y, X, Binomial()).fit(cov_type='cluster', cov_kwds={'groups': g, 'use_correction': False}), 0.15.0
    const { coefficients, errors } = logistic(rows);
    close(coefficients, [1.769024232564826, -0.2987622089604445, -0.4495539127151102], 3);
    close(errors, [0.3004159805360203, 0.3407880499934987, 0.48161239839972286], 3);
  });

  it('stays finite where everything is right', () => {
    const fit = logistic([0, 1, -1].map((x) => ({ x: [x], right: true, prompt: String(x) })));
    expect([...fit.coefficients, ...fit.errors, ...coefficientInterval(fit, 1)].every(Number.isFinite)).toBe(
      true,
    );
  });
});

it('counts markdown outside code as Arena-Hard-Auto does', () => {
  const text =
    '# One\n## Two\n#none\n- a\n  * b\n1. c\n**bold** and __bold__ and **\n```\n# code\n- code\n```\nend';
  expect(styleOf(text)).toEqual({ length: text.length, headers: 2, lists: 3, bold: 2 });
});

it('leaves out a feature in which no pair differs', () => {
  const pair = { section: 's', subset: 's', instruction: 'x', gold: 'first' } as const;
  const games = Array.from(
    { length: 8 },
    (_, i): Game => ({
      pair: { ...pair, id: `${i}`, prompt: `${i}`, first: 'yes '.repeat(1 + (i % 3)), second: 'no' },
      verdicts: { ab: i % 2 ? 'A' : 'B' },
    }),
  );
  const { coefficients, interval } = styleControl(games);
  expect(coefficients).toMatchObject({ headers: null, lists: null, bold: null });
  expect(coefficients.length?.value).toBeTypeOf('number');
  expect(interval[0]).toBeLessThan(interval[1]);
});

const file = new URL('../../../shared/data/JudgeBench/judged-by-o1-mini.jsonl', import.meta.url);

describe.runIf(existsSync(file))("on o1-mini's published verdicts", () => {
  interface Row {
    readonly judgments: readonly { readonly decision: string | null }[];
  }
  const source = () => {
    const values = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
    const pairs = judgebench.load(values.map((value, i) => ({ value, file: 'gpt', at: `row ${i}` })));
    return pairs.map((pair, i): Game => {
      const said = (values[i] as Row).judgments.map(({ decision }, k) => [
        ORDERS[k],
        decision === 'A>B' ? 'A' : decision === 'B>A' ? 'B' : 'tie',
      ]);
      return { pair, verdicts: Object.fromEntries(said) };
    });
  };

  // Features by Arena-Hard-Auto's own expressions, in characters; fits by statsmodels 0.15.0 with errors clustered by pair.
  it('the fits are those of an independent program', () => {
    const length = lengthControl(source());
    expect(length.spread).toBeCloseTo(522.4435717991807, 6);
    expect(length.accuracyAtEqualLength).toBeCloseTo(1 / (1 + Math.exp(-LENGTH[0])), 4);
    expect(length.coefficient).toBeCloseTo(LENGTH[1], 4);
    expect(length.coefficientInterval[1] - length.coefficient).toBeCloseTo(1.959963984540054 * LENGTH[2], 4);
    const style = styleControl(source());
    expect(style.accuracyAtEqualStyle).toBeCloseTo(1 / (1 + Math.exp(-STYLE.intercept)), 4);
    for (const feature of ['length', 'headers', 'lists', 'bold'] as const) {
      const found = style.coefficients[feature];
      expect(found?.value).toBeCloseTo(STYLE[feature][0], 4);
      const reach = ((found?.interval[1] ?? 0) - (found?.interval[0] ?? 0)) / 2;
      expect(reach).toBeCloseTo(1.959963984540054 * STYLE[feature][1], 4);
    }
  });
});

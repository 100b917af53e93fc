import type { LengthBias } from '../../audit/length.ts';
import type { VerdictCounts } from '../../audit/run.ts';
import { scores, type VerdictRecord } from '../../metrics.ts';
import { pick, random } from '../../random.ts';
import type { TrainStep } from '../../trainer.ts';
import type { Report, Sample, SetScores } from './report.ts';

/** Strings that would break out of a page that escapes badly. */
export const HOSTILE: readonly string[] = [
  '</script><script>document.title = "owned"</script>',
  '<img src=x onerror="document.title = \'owned\'">',
  '"><svg onload=alert(1)>',
  "' onmouseover='alert(1)",
  '<!-- <script>',
  ']]> &lt;b&gt; & \u2028 \u2029 \0 \u202e',
];

/** Judges: how good each is on the even sources and on the odd ones, and whether it is a control. */
const STAGES: readonly (readonly [string, readonly [number, number], boolean])[] = [
  ['M0', [0.62, 0.57], false],
  ['M1-SFT', [0.74, 0.66], false],
  ['M1-DPO', [0.86, 0.77], false],
  ['M2-DPO', [0.91, 0.84], false],
  ['direct', [0.66, 0.55], true],
  ['unplanned', [0.71, 0.63], true],
];

const MADE_UP_LENGTH: LengthBias = {
  pairs: 100,
  chosen: 120,
  rejected: 90,
  longerChosen: 0.7,
  interval: [0.6, 0.78],
  equal: 0,
  lengthOnly: { rule: 'longer', accuracy: 0.7 },
};

function withInterval(verdicts: readonly VerdictRecord[]): SetScores {
  const all = scores(verdicts);
  return { ...all, interval: all.intervals.accuracy };
}

/** A report of figures that no run produced: for tests, and for looking at the page. */
export function madeUpReport(pairs = 150, sources: readonly string[] = ['general', 'math']): Report {
  const next = random(11);
  const half = { outputs: 50, correct: 35 };
  const counted: VerdictCounts = {
    outputs: 100,
    verdicts: { A: 52, B: 45, truncated: 3 },
    correct: 70,
    byOrder: { ab: half, ba: half },
  };
  const judged = (accuracy: number): SetScores =>
    withInterval(
      Array.from({ length: pairs }, (_, i): VerdictRecord[] => {
        const easy = next() < accuracy * accuracy;
        const verdict = (right: 'A' | 'B') =>
          easy || next() < 0.35 ? right : pick(next, ['A', 'B', 'A', 'invalid'] as const);
        return [
          { pairId: `p${i}`, order: 'ab', verdict: verdict('A') },
          { pairId: `p${i}`, order: 'ba', verdict: verdict('B') },
        ];
      }).flat(),
    );
  return {
    schema: 3,
    version: '0.1.0',
    node: '24.21.0',
    preset: 'demo',
    seed: 7,
    model: 'playground seed, revision 4f1c09ab',
    seconds: 1134.2,
    peakRssMB: 812.4,
    sources,
    stages: STAGES.map(([name, skill, control]) => ({
      name,
      control,
      sets: Object.fromEntries(
        sources.map((source, i) => [source, judged(skill[(i % 2) as 0 | 1] - 0.03 * Math.floor(i / 2))]),
      ),
    })),
    comparisons: sources.map((source, i) => ({
      source,
      first: 'M0',
      second: 'M2-DPO',
      firstOnly: 4 + i,
      secondOnly: 61 - 9 * i,
      p: i === 0 ? 2e-14 : 0.0124,
    })),
    counts: {
      pairs: { d1: 600, d2: 900, validation: 100, test: 300 },
      generations: { stop: 81_204, length: 311, refused: 0, error: 0 },
      promptTokens: 6_120_330,
      completionTokens: 3_409_118,
      plans: { 1: 3000, 2: 4500 },
      thoughts: { 1: { total: 24_000, correct: 15_011 }, 2: { total: 36_000, correct: 29_877 } },
      preferences: { 1: 8120, 2: 6004 },
      steps: { 'M1-SFT': 120, 'M1-DPO': 200, 'M2-DPO': 480 },
      evaluations: { M0: 600 },
    },
    timings: [
      ['pairs', 41.2, 402_110],
      ['thoughts, round 1', 322.7, 1_420_900],
      ['M1-SFT', 88.1, 310_220],
      ['M1-DPO', 151.9, 611_800],
      ['thoughts, round 2', 388.4, 1_880_020],
      ['M2-DPO', 131.6, 700_400],
      ['report', 0.3, 0],
    ].map(([stage, seconds, tokens]) => ({
      stage: stage as string,
      seconds: seconds as number,
      tokens: tokens as number,
      tokensPerSecond: (tokens as number) / (seconds as number),
    })),
    curves: [
      { stage: 'M1-SFT', kind: 'sft', steps: steps(120, false) },
      { stage: 'M1-DPO', kind: 'dpo', steps: steps(200, true) },
      { stage: 'M2-DPO', kind: 'dpo', steps: steps(480, true) },
    ],
    audit: {
      pairs: { [HOSTILE[4] as string]: { groups: { list: 9 }, length: MADE_UP_LENGTH } },
      leaked: 0,
      contamination: {
        checked: 1500,
        rows: 3,
        benchmarks: {
          playground: { prompts: 800, exact: 0, ngram: 1 },
          [HOSTILE[4] as string]: { prompts: 2985, exact: 2, ngram: 1 },
        },
        first: [],
      },
      thoughts: {
        1: {
          ...counted,
          plans: {
            plans: { alwaysRight: 4, mixed: 5, neverRight: 1 },
            wrong: { thoughts: 30, planFails: 8, executionFails: 22 },
            planEffect: 0.2,
          },
        },
      },
      preferences: { 1: { length: MADE_UP_LENGTH, A: 40, B: 60 } },
      judges: { M0: counted },
    },
    preferences: {
      'M1-DPO': {
        responsePairs: 10,
        dropped: { [HOSTILE[0] as string]: 2 },
        thoughts: 100,
        left: {},
        candidates: 50,
        capped: 10,
        pairs: 40,
        verdicts: { A: 20, B: 20 },
        pairings: { 'within-plan': 20, 'cross-plan': 20 },
      },
    },
    habits: STAGES.slice(0, 4).map(([stage], i) => ({
      stage,
      plans: 300,
      kinds: [
        { kind: 'empty', share: 0.35 - i * 0.11, accuracy: 0.52 },
        { kind: 'single', share: 0.36 - i * 0.1, accuracy: 0.66 },
        { kind: 'full', share: 0.29 + i * 0.15, accuracy: 0.88 },
        { kind: 'reference', share: i * 0.06, accuracy: i === 0 ? null : 0.93 },
      ],
    })),
    samples: sampleThoughts(sources),
  };

  function steps(count: number, dpo: boolean): TrainStep[] {
    return Array.from({ length: count }, (_, i) => {
      const t = (i + 1) / count;
      const noise = () => next() - 0.5;
      return {
        step: i + 1,
        steps: count,
        loss: dpo
          ? Math.LN2 * Math.exp(-1.6 * t) + 0.08 * noise()
          : 0.4 + 1.7 * Math.exp(-5 * t) + 0.12 * noise(),
        learningRate: 1e-4,
        gradNorm: 1,
        tokens: 4096,
        seconds: 0.7,
        ...(dpo && {
          accuracy: 0.5 + 0.4 * t,
          margin: 1.8 * t + 0.3 * noise(),
          chosenLogp: -14 - 2 * t + noise(),
          rejectedLogp: -15 - 9 * t + noise(),
        }),
      };
    });
  }
}

function sampleThoughts(sources: readonly string[]): Sample[] {
  return STAGES.flatMap(([stage, , control], s) =>
    Array.from({ length: Math.max(4, sources.length) }, (_, i): Sample => {
      const math = i % 2 === 1;
      const correct = s + i > 2;
      return {
        stage,
        source: sources[i % sources.length] as string,
        pairId: `${math ? 'shop' : 'list'}-${i}`,
        order: i < 2 ? 'ab' : 'ba',
        instruction: math
          ? 'Tom buys 3 bags of 12 apples and eats 5 of them. How many apples are left?'
          : 'List four animals in alphabetical order, all in lower case, separated by commas.',
        a: math ? '3 × 12 = 36. 36 − 5 = 31. So 31' : 'ant, bear, cat, dog',
        b: math ? '3 × 12 = 36. So 36' : `ant, cat, bear, dog ${HOSTILE[(s + i) % HOSTILE.length]}`,
        plan: control
          ? ''
          : 'Check the number of items. Check the order of the items. Check that every letter is lower case.',
        execution:
          stage === 'direct'
            ? ''
            : 'A: four items, yes. ant < bear < cat < dog, yes. lower case, yes.\nB: four items, yes. cat < bear, no.\nA keeps every rule; B breaks one.',
        verdict: correct === i < 2 ? 'A' : 'B',
        correct,
      };
    }),
  );
}

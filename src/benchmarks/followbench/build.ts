import { conductBy, type JudgeAllOptions } from '../../judging/judge.ts';
import { type Settings, settings } from '../../judging/settings.ts';
import type { Model } from '../../model.ts';
import { parseConstraints, publishedConstraints } from '../../prompts/published/constraints.ts';
import { render } from '../../prompts/template.ts';
import { conduct } from '../../sampling/conduct.ts';
import { requestOf, siblingSeeds } from '../../sampling/request.ts';
import { type Answer, type Ask, asks, type Task } from '../../sampling/task.ts';
import type { FollowBenchRow } from './row.ts';
import { ruleOf } from './rules.ts';

/** What was verified of both answers of a pair, and how: a rule of FollowBench, which says whether all constraints are kept; or
 * a model, constraint by constraint. */
export type Verified =
  | { readonly by: 'rule'; readonly rule: string }
  | {
      readonly by: 'model';
      readonly model: string;
      readonly prompt: string;
      readonly chosen: readonly boolean[];
      readonly rejected: readonly boolean[];
    };

/** Two answers of one model to one instruction, of which exactly one keeps every constraint. */
export interface FollowBenchPair {
  readonly id: string;
  readonly example: string;
  readonly level: number;
  readonly category: string;
  readonly source: string;
  readonly instruction: string;
  readonly chosen: string;
  readonly rejected: string;
  /** The revision of the model that wrote both. */
  readonly writer: string;
  readonly verified: Verified;
}

/** Why there is no pair of a row. `unverified`: it has no rule, and no model was given to check it. */
export type NoPair = 'all keep' | 'none keeps' | 'unchecked' | 'no answers' | 'error' | 'unverified';

export interface Built {
  readonly row: FollowBenchRow;
  readonly pair: FollowBenchPair | NoPair;
}

export interface BuildOptions extends Omit<JudgeAllOptions, 'form' | 'orders' | 'votes' | 'planModel'> {
  /** Answers that are sampled of each instruction (default 8). */
  readonly answers?: number;
  /** Checks where FollowBench has no rule; without one, such rows have no pair. */
  readonly checker?: Model | undefined;
}

/** Builds FollowBenchEval (arXiv 2501.18099, section 4.1): samples answers, verifies each, and keeps the first that keeps every
 * constraint beside the first that does not. */
export async function* buildFollowBench(
  writer: Model,
  rows: Iterable<FollowBenchRow>,
  { answers = 8, checker, ...options }: BuildOptions = {},
): AsyncGenerator<Built, void, undefined> {
  const judge = checker ?? writer;
  const s = settings(judge, { temperature: 0.8, ...options, form: 'two-call', planModel: writer });
  const task = (row: FollowBenchRow) => build(row, answers, s, checker !== undefined);
  yield* conduct(rows, task, conductBy(judge, { ...options, planModel: writer }));
}

interface Checked {
  readonly text: string;
  /** One for each constraint, or by rule one for all; null where the checker named none. */
  readonly kept: readonly boolean[] | null;
}

function* build(row: FollowBenchRow, n: number, s: Settings, checks: boolean): Task<Built> {
  const rule = ruleOf(row);
  if (rule === null && !checks) return { row, pair: 'unverified' };
  const wanted = answerAsks(row, n, s);
  const answers = yield wanted;
  const given = wanted.map(({ request }) => (answers.get(request.key) as Answer).generation);
  if (given.some(({ finishReason }) => finishReason === 'error')) return { row, pair: 'error' };
  const texts = [
    ...new Set(
      given
        .filter(({ finishReason, text }) => finishReason === 'stop' && text.trim() !== '')
        .map(({ text }) => text),
    ),
  ];
  if (texts.length === 0) return { row, pair: 'no answers' };
  const checked = rule
    ? texts.map((text): Checked => ({ text, kept: [rule.keeps(text)] }))
    : yield* checkedByModel(row, texts, s);
  if (checked === null) return { row, pair: 'error' };
  const chosen = checked.find(({ kept }) => kept?.every(Boolean));
  const rejected = checked.find(({ kept }) => kept?.includes(false));
  if (chosen?.kept && rejected?.kept) {
    const { file, exampleId, level, category, source, instruction } = row;
    const example = `${file}:${exampleId}`;
    const verified: Verified = rule
      ? { by: 'rule', rule: rule.name }
      : {
          by: 'model',
          model: s.judge,
          prompt: `${publishedConstraints(level).name} ${publishedConstraints(level).version}`,
          chosen: chosen.kept,
          rejected: rejected.kept,
        };
    return {
      row,
      pair: {
        id: `${example}:${level}`,
        example,
        level,
        category,
        source,
        instruction,
        chosen: chosen.text,
        rejected: rejected.text,
        writer: s.planner,
        verified,
      },
    };
  }
  return { row, pair: chosen ? 'all keep' : rejected ? 'none keeps' : 'unchecked' };
}

function answerAsks({ instruction }: FollowBenchRow, n: number, s: Settings): Ask[] {
  const template = s.prompts.response;
  const text = render(template, { instruction });
  const recipe = { template, text, model: s.planner, sampling: s.sampling };
  return asks(
    siblingSeeds(n, s.seed, 'followbench', text).map((seed) => requestOf({ ...recipe, seed })),
    'planner',
  );
}

/** At temperature 0; null where one of the checks did not come. */
function* checkedByModel(
  { level, before, instruction }: FollowBenchRow,
  texts: readonly string[],
  s: Settings,
): Task<Checked[] | null> {
  const template = publishedConstraints(level);
  const forms = [...before, instruction].map((text, i) => `Form ${i + 1}:\n${text}`).join('\n\n');
  const sampling = { temperature: 0, topP: 1, maxTokens: s.sampling.maxTokens };
  const requests = texts.map((answer) => {
    const text = render(template, { instructions: forms, answer });
    return requestOf({ template, text, model: s.judge, seed: 0, sampling });
  });
  const answers = yield asks(requests);
  const checks = requests.map((request) => (answers.get(request.key) as Answer).generation);
  if (checks.some(({ finishReason }) => finishReason === 'error')) return null;
  return checks.map(({ text, finishReason }, i) => ({
    text: texts[i] as string,
    kept: finishReason === 'stop' ? parseConstraints(text, level) : null,
  }));
}

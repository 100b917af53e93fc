import type { Resolved } from '../config.ts';
import { EvalPlannerError } from '../errors.ts';
import type { Source } from '../source.ts';
import { normalised } from '../text/duplicates.ts';
import type { Trainer } from '../trainer.ts';
import { rowsFile } from './folder.ts';
import { isDone } from './planned.ts';
import { instructionsOf, isHeldOut, type Part, partsOf } from './sets.ts';
import type { Ports, Stage } from './stage.ts';
import { jobKind, settingsOf } from './train.ts';

/** What would stop a run later, found before the first request. */
export async function problems(
  stages: readonly Stage[],
  config: Resolved,
  ports: Pick<Ports, 'trainer' | 'sources' | 'store' | 'folder'>,
  signal?: AbortSignal,
): Promise<EvalPlannerError[]> {
  return [
    ...(await trainerProblems(stages, config, ports)),
    ...(await sourceProblems(stages, config, ports, signal)),
  ];
}

/** Jobs that a trainer cannot do. */
export async function trainerProblems(
  stages: readonly Stage[],
  config: Resolved,
  { trainer, folder }: { readonly trainer: Pick<Trainer, 'kinds' | 'refuses'>; readonly folder: string },
): Promise<EvalPlannerError[]> {
  const found: EvalPlannerError[] = [];
  for (const stage of stages) {
    if (stage.kind !== 'train') continue;
    const wrong = trainer.kinds.includes(jobKind(stage))
      ? await trainer.refuses?.(settingsOf(stage, config, rowsFile(folder, stage.rows)))
      : new EvalPlannerError(
          'usage',
          `the trainer cannot do the ${jobKind(stage)} of ${stage.judge}`,
          `it does ${trainer.kinds.join(', ')}: choose among these, or another trainer`,
        );
    if (wrong) found.push(wrong);
  }
  return found;
}

/** What the trainer says beforehand, where there is something left to train. Throws what it throws. */
export async function trainerReady(
  stages: readonly Stage[],
  { trainer, models, store }: Pick<Ports, 'trainer' | 'models' | 'store'>,
): Promise<readonly string[]> {
  const left = stages.some((stage) => stage.kind === 'train' && !isDone(stage, store.stage(stage.name)));
  return left && models.place('M0') !== null ? ((await trainer.ready?.()) ?? []) : [];
}

/** Throws where models could not be asked, and some are to be. */
export async function modelsReady(
  stages: readonly Stage[],
  { models, store }: Pick<Ports, 'models' | 'store'>,
  signal?: AbortSignal,
): Promise<void> {
  if (stages.some((stage) => !isDone(stage, store.stage(stage.name)))) await models.ready?.(signal);
}

/** Sources that yield nothing, questions without answers, held-out instructions that are all trained on. */
export async function sourceProblems(
  stages: readonly Stage[],
  config: Resolved,
  { sources, store }: Pick<Ports, 'sources' | 'store'>,
  signal?: AbortSignal,
): Promise<EvalPlannerError[]> {
  const left = new Set(
    stages.flatMap((stage) =>
      stage.kind === 'pairs' && !isDone(stage, store.stage(stage.name)) ? [stage.set] : [],
    ),
  );
  const found: EvalPlannerError[] = [];
  for (const [name, source] of Object.entries(sources)) {
    const known = (store.note(`parts ${name}`) ?? []) as unknown as Part[];
    const parts = partsOf(config, source, name, known);
    found.push(...(await ofSource(name, source, parts, left, config, signal)));
  }
  return found;
}

/** Of the sets that are still to be made. */
async function ofSource(
  name: string,
  source: Source,
  parts: readonly Part[],
  left: ReadonlySet<string>,
  config: Resolved,
  signal: AbortSignal | undefined,
): Promise<EvalPlannerError[]> {
  const sets = [...new Set(parts.map(({ set }) => set))].filter((set) => left.has(set));
  const held = new Map<string, Set<string>>();
  const trained = new Set<string>();
  const found: EvalPlannerError[] = [];
  for (const set of sets) {
    const texts = new Set<string>();
    let [count, unanswered] = [0, 0];
    for await (const { text, answer, solutions } of instructionsOf(source, set, parts, signal)) {
      count++;
      if (answer === undefined && solutions === undefined) unanswered++;
      texts.add(normalised(text));
    }
    if (count === 0) found.push(nothing(name, source, set, parts));
    else if (source.kind === 'math' && unanswered === count && !isHeldOut(set, config))
      found.push(
        new EvalPlannerError(
          'data',
          `sources.${name} is of kind math, and none of its ${count} instructions of ${set} has an answer`,
          'name the field of the answer (fields: {answer: NAME}), or give it kind general',
        ),
      );
    if (isHeldOut(set, config)) held.set(set, texts);
    else for (const text of texts) trained.add(text);
  }
  for (const [set, texts] of held)
    if (texts.size > 0 && [...texts].every((text) => trained.has(text)))
      found.push(
        new EvalPlannerError(
          'data',
          `every instruction that sources.${name} holds out for ${set} is among its training instructions`,
          `give other instructions as sources.${name}.${set}, or leave it out: then some are held out`,
        ),
      );
  return found;
}

function nothing(name: string, source: Source, set: string, parts: readonly Part[]): EvalPlannerError {
  const { read = 0, left = {} } = source.account?.() ?? {};
  const why = Object.entries(left).map(([reason, n]) => `${n} ${reason}`);
  const taken = parts.filter((part) => part.set !== set && part.split === 'train').length > 0;
  const rows = read === 0 ? '' : ` (of ${read} rows${why.length === 0 ? '' : `: ${why.join(', ')}`})`;
  return new EvalPlannerError(
    'data',
    `sources.${name} has no instruction for ${set}${rows}`,
    taken
      ? 'ask for fewer in the sets before it, or give it more data'
      : 'look at its file, its fields and its filters in the config',
  );
}

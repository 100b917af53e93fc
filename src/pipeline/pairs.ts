import { isDeepStrictEqual } from 'node:util';
import type { Resolved } from '../config.ts';
import type { Json } from '../key.ts';
import { makePairs, type PairOptions } from '../pairs/make.ts';
import { withOthers } from '../pairs/others.ts';
import { countDrop } from '../pairs/pair.ts';
import { seedOf } from '../random.ts';
import { batches } from '../sampling/batches.ts';
import { conduct } from '../sampling/conduct.ts';
import type { Instruction, Source } from '../source.ts';
import { heldOutIndex, Repeats } from './repeats.ts';
import { instructionsOf, isHeldOut, type Part, partsOf } from './sets.ts';
import type { PairsStage, Ports, RunOptions, Stage, StageWork } from './stage.ts';
import { withModels } from './with-models.ts';

/** Instructions that are begun and not yet pairs: two requests each, enough for 64 replicas. */
const WINDOW = 4096;

/** Response pairs of a set, labelled by construction. */
export async function runPairs(
  stage: PairsStage,
  config: Resolved,
  ports: Ports,
  work: StageWork,
): Promise<Json> {
  const { set, counts } = stage;
  const { store, models, prompts, sources } = ports;
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const result: Record<string, Json> = {};
  const index = await indexFor(set, config, ports, work.signal);
  let done = 0;
  work.progress(0, total);
  // Made anew from what the ledger knows: a row of an earlier attempt would stay beside another one of the same instruction.
  store.discard({ split: set });
  for (const [name, count] of Object.entries(counts)) {
    const source = sources[name] as Source;
    const parts = notedParts(config, ports, name, source);
    const repeats = index && new Repeats(index, config);
    const options = pairOptions(config, set, name, source);
    const role = source.kind === 'math' ? 'solver' : 'writer';
    const all = { dropped: {} as Record<string, number> };
    let [found, made] = [0, 0];
    await withModels(models, [role], async (model) => {
      const task = (instruction: Instruction) =>
        makePairs(instruction, options, { revision: model.revision, prompts });
      const reports = conduct(
        await instructionsFor(config, source, name, set, parts, repeats, options.seed, work.signal),
        task,
        {
          judge: model,
          store,
          complete: true,
          signal: work.signal,
          onGenerations: work.onGenerations,
          window: WINDOW,
        },
      );
      for await (const batch of batches(reports)) {
        store.putPairs(
          set,
          batch.flatMap(({ pairs }) => pairs),
        );
        for (const { pairs, dropped } of batch) {
          made += pairs.length;
          for (const [reason, n] of Object.entries(dropped)) countDrop(all, reason, n);
        }
        found += batch.length;
        work.progress(done + found, total);
      }
    });
    done += count;
    if (found < count) work.note(`${name} has ${found} of ${count} instructions that are wanted for ${set}`);
    const repeated = repeats?.report();
    if (repeated !== undefined) work.note(repeatsNote(name, set, repeated as never));
    work.leave(all.dropped['no answer'] ?? 0);
    const rows = source.account?.();
    result[name] = {
      pairs: made,
      dropped: all.dropped,
      ...(repeated === undefined ? {} : { repeats: repeated }),
      ...(rows ? { rows: { ...rows, left: { ...rows.left } } } : {}),
    };
  }
  if (index) store.putNote(comparedNote(set), comparedWith(config));
  return result;
}

/** Counts for the result of a set that is made what it repeats of benchmarks that came later; its pairs stay. */
export async function countLater(
  { name: stage, set, counts }: PairsStage & Pick<Stage, 'name'>,
  config: Resolved,
  ports: Ports,
  { signal, onEvent }: RunOptions,
): Promise<void> {
  const { store, sources } = ports;
  const compared = comparedWith(config);
  if (isHeldOut(set, config) || isDeepStrictEqual(store.note(comparedNote(set)) ?? [], compared)) return;
  const index = await indexFor(set, config, ports, signal);
  const result = { ...(store.stage(stage)?.result as Record<string, Record<string, Json>>) };
  for (const name of Object.keys(counts)) {
    const source = sources[name] as Source;
    const repeats = index && new Repeats(index, config);
    const parts = notedParts(config, ports, name, source);
    if (repeats) for await (const _ of repeats.among(instructionsOf(source, set, parts, signal)));
    const { repeats: _, ...rest } = result[name] ?? {};
    const repeated = repeats?.report();
    result[name] = { ...rest, ...(repeated === undefined ? {} : { repeats: repeated }) };
    if (repeated !== undefined)
      onEvent?.({ type: 'note', stage, message: repeatsNote(name, set, repeated as never) });
  }
  store.finishStage(stage, result);
  store.putNote(comparedNote(set), compared);
}

/** Where a ledger has with which benchmarks a set was compared. */
const comparedNote = (set: string) => `compared ${set}`;

const comparedWith = ({ benchmarks }: Resolved): Json =>
  Object.entries(benchmarks).map(([name, { from }]) => [name, from ?? null]);

/** Requests that the instructions of a set take, of each source: what they bring is not asked for. */
export async function pairRequests(
  { set, counts }: PairsStage,
  config: Resolved,
  ports: Ports,
  signal: AbortSignal,
): Promise<Record<string, number>> {
  const index = await indexFor(set, config, ports, signal);
  const found: Record<string, number> = {};
  for (const name of Object.keys(counts)) {
    const source = ports.sources[name] as Source;
    const parts = notedParts(config, ports, name, source);
    const options = pairOptions(config, set, name, source);
    const repeats = index && new Repeats(index, config);
    const keys = new Set<string>();
    for await (const instruction of await instructionsFor(
      config,
      source,
      name,
      set,
      parts,
      repeats,
      options.seed,
      signal,
    )) {
      const { value, done } = makePairs(instruction, options, {
        revision: '',
        prompts: ports.prompts,
      }).next();
      if (!done) for (const { request } of value) keys.add(request.key);
    }
    found[name] = keys.size;
  }
  return found;
}

/** How instructions of a source become pairs of a set. */
function pairOptions({ seed, pairs }: Resolved, set: string, name: string, { kind }: Source): PairOptions {
  const cold = { temperature: pairs.answerTemperature, topP: pairs.topP, maxTokens: pairs.maxTokens };
  const warm = { ...cold, temperature: pairs.temperature };
  return {
    seed: seedOf(seed, set),
    domain: name,
    chosen: 'own',
    answer: cold,
    modification: warm,
    solution: warm,
    solutions: pairs.solutions,
    ...(kind === 'pairs' ? {} : { kind }),
  };
}

/** What instructions of a set must not repeat; null for one that is judged on. */
async function indexFor(set: string, config: Resolved, ports: Ports, signal: AbortSignal | undefined) {
  if (isHeldOut(set, config)) return null;
  return heldOutIndex(config, ports, (...of) => notedParts(config, ports, ...of), signal);
}

/** Where a ledger has which instructions of a source its sets have. */
export const partsNote = (source: string) => `parts ${source}`;

/** Which instructions of a source the sets have; noted, so that what is added to the config later comes after them. */
function notedParts(config: Resolved, { store }: Ports, name: string, source: Source): Part[] {
  const note = partsNote(name);
  const parts = partsOf(config, source, name, (store.note(note) ?? []) as unknown as Part[]);
  store.putNote(note, parts as unknown as Json);
  return parts;
}

function repeatsNote(
  name: string,
  set: string,
  { instructions, of, leftOut }: { instructions: number; of: Record<string, number>; leftOut: boolean },
): string {
  const what = Object.entries(of).map(([where, n]) => `${n} of ${where}`);
  return `${instructions} instructions of ${name} in ${set} repeat what judges are measured on (${what.join(', ')}): ${
    leftOut ? 'left out' : 'trained on; `contamination: leave-out` leaves them out'
  }`;
}

/** Streamed; the whole set where other instructions of it are named. */
async function instructionsFor(
  config: Resolved,
  source: Source,
  name: string,
  set: string,
  parts: readonly Part[],
  repeats: Repeats | null,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<Iterable<Instruction> | AsyncIterable<Instruction>> {
  const all = instructionsOf(source, set, parts, signal);
  const stream = repeats ? repeats.among(all) : all;
  const rejected = config.sources[name]?.rejected ?? 'modified';
  if (rejected === 'modified' || source.kind !== 'general') return stream;
  const shares = typeof rejected === 'string' ? { [rejected]: 1 } : rejected;
  return withOthers(await Array.fromAsync(stream), shares, seed);
}

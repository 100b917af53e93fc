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
import type { PairsStage, Ports, StageWork } from './stage.ts';
import { withModels } from './with-models.ts';

/** Response pairs of a set, labelled by construction. */
export async function runPairs(
  stage: PairsStage,
  config: Resolved,
  ports: Ports,
  work: StageWork,
): Promise<Json> {
  const { set, counts } = stage;
  const { store, models, prompts, sources } = ports;
  const { pairs } = config;
  const cold = { temperature: pairs.answerTemperature, topP: pairs.topP, maxTokens: pairs.maxTokens };
  const warm = { ...cold, temperature: pairs.temperature };
  const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const result: Record<string, Json> = {};
  const training = !isHeldOut(set, config);
  const index = training
    ? await heldOutIndex(config, ports, (...of) => notedParts(config, ports, ...of), work.signal)
    : null;
  let done = 0;
  work.progress(0, total);
  // Made anew from what the ledger knows: a row of an earlier attempt would stay beside another one of the same instruction.
  store.discard({ split: set });
  for (const [name, count] of Object.entries(counts)) {
    const source = sources[name] as Source;
    const parts = notedParts(config, ports, name, source);
    const repeats = index && new Repeats(index, config);
    const options: PairOptions = {
      seed: seedOf(config.seed, set),
      domain: name,
      chosen: 'own',
      answer: cold,
      modification: warm,
      solution: warm,
      solutions: pairs.solutions,
      ...(source.kind === 'pairs' ? {} : { kind: source.kind }),
    };
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
  return result;
}

/** Which instructions of a source the sets have; noted, so that what is added to the config later comes after them. */
function notedParts(config: Resolved, { store }: Ports, name: string, source: Source): Part[] {
  const note = `parts ${name}`;
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

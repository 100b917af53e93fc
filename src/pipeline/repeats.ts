import { BenchmarkIndex, ContaminationCount } from '../audit/contamination.ts';
import type { Resolved } from '../config.ts';
import type { Json } from '../key.ts';
import type { Instruction, Source } from '../source.ts';
import { instructionsOf, type Part } from './sets.ts';
import type { Ports } from './stage.ts';

/** What training instructions repeat of what judges are measured on: held-out sets of the run and its benchmarks, 13 words in a row
 * (arXiv 2005.14165, appendix C) or a whole text. */
export class Repeats {
  readonly #count: ContaminationCount;
  readonly #leaveOut: boolean;

  constructor(index: BenchmarkIndex, { contamination }: Resolved) {
    this.#count = new ContaminationCount(index);
    this.#leaveOut = contamination === 'leave-out';
  }

  /** Those that are to be trained on. */
  async *among(instructions: AsyncIterable<Instruction>): AsyncGenerator<Instruction, void, undefined> {
    let at = 0;
    for await (const instruction of instructions) {
      const found = this.#count.add(String(at++), instruction.text);
      if (!(this.#leaveOut && found.length > 0)) yield instruction;
    }
  }

  /** For the result of the stage; undefined where nothing is repeated. */
  report(): Json | undefined {
    const { rows, benchmarks } = this.#count.report();
    if (rows === 0) return undefined;
    const of = Object.entries(benchmarks).flatMap(([name, { exact, ngram }]) =>
      exact + ngram === 0 ? [] : [[name, exact + ngram] as const],
    );
    return { instructions: rows, of: Object.fromEntries(of), leftOut: this.#leaveOut };
  }
}

/** The texts that training should not repeat; null where there are none to look for. The playground fills sentences with names and
 * numbers, so that 13 words in a row are no copy there: its sets are left out. */
export async function heldOutIndex(
  config: Resolved,
  { sources, benchmarks = {} }: Pick<Ports, 'sources' | 'benchmarks'>,
  partsOf: (name: string, source: Source) => readonly Part[],
  signal: AbortSignal | undefined,
): Promise<BenchmarkIndex | null> {
  const index = new BenchmarkIndex();
  for (const [name, { pairs }] of Object.entries(benchmarks))
    if (name !== 'playground') for (const { id, instruction } of pairs) index.add(name, id, instruction);
  for (const [name, source] of Object.entries(sources)) {
    if (config.sources[name]?.from === 'playground') continue;
    const parts = partsOf(name, source);
    for (const set of ['validation', config.test.split]) {
      let at = 0;
      for await (const { text } of instructionsOf(source, set, parts, signal))
        index.add(set, `${name} ${at++}`, text);
    }
  }
  return index.size === 0 ? null : index;
}

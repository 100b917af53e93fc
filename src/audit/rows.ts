import { type Interval, wilson } from '../metrics.ts';
import { Duplicates } from '../text/duplicates.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import {
  type BenchmarkIndex,
  type Contamination,
  ContaminationCount,
  type ContaminationReport,
} from './contamination.ts';
import { type LengthBias, LengthCount } from './length.ts';
import type { AuditRow } from './row.ts';

/** What a set of training rows shows. Shares are fractions from 0 to 1. */
export interface RowsAudit {
  readonly rows: number;
  readonly kinds: Readonly<Record<string, number>>;
  /** Rows by family, or by domain. */
  readonly groups: Readonly<Record<string, number>>;
  /** Verdicts of the completions, of SFT rows and of chosen thoughts: A among A and B, with its 95 % interval. */
  readonly verdicts: {
    readonly A: number;
    readonly B: number;
    readonly neither: number;
    readonly shareA: number;
    readonly interval: Interval;
  } | null;
  readonly length: LengthBias | null;
  /** Prompts that repeat an earlier one of the set: many rows of one prompt are no fault of preference pairs. */
  readonly duplicates: { readonly exact: number; readonly near: number };
  /** Null where no benchmark was looked for. */
  readonly contamination: ContaminationReport | null;
}

/** Audits rows one by one; memory is what tells duplicates (`Duplicates`). */
export class RowsAuditor {
  readonly #kinds: Record<string, number> = {};
  /** By a word of the row's own, such as `constructor`. */
  readonly #groups: Record<string, number> = Object.create(null);
  readonly #verdicts = { A: 0, B: 0, neither: 0 };
  readonly #length = new LengthCount();
  readonly #seen = new Duplicates();
  readonly #duplicates = { exact: 0, near: 0 };
  readonly #contamination: ContaminationCount | null;
  #rows = 0;

  /** `index`: the benchmarks whose prompts are looked for. */
  constructor(index: BenchmarkIndex | null = null) {
    this.#contamination = index && new ContaminationCount(index);
  }

  /** The prompts of benchmarks that the row repeats. */
  add({ at, kind, prompt, chosen, rejected, group }: AuditRow): readonly Contamination[] {
    this.#rows++;
    this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1;
    this.#groups[group] = (this.#groups[group] ?? 0) + 1;
    if (rejected !== null) this.#length.add(chosen, rejected, prompt);
    if (kind !== 'response pair') {
      const { kind: verdict } = parseVerdict(chosen);
      this.#verdicts[verdict === 'A' || verdict === 'B' ? verdict : 'neither']++;
    }
    const copy = this.#seen.check(prompt);
    if (copy) this.#duplicates[copy.kind === 'exact duplicate' ? 'exact' : 'near']++;
    return this.#contamination?.add(at, prompt) ?? [];
  }

  report(): RowsAudit {
    const { A, B, neither } = this.#verdicts;
    const shareA = A + B === 0 ? 0.5 : A / (A + B);
    return {
      rows: this.#rows,
      kinds: this.#kinds,
      groups: this.#groups,
      verdicts: A + B === 0 ? null : { A, B, neither, shareA, interval: wilson(shareA, A + B) },
      length: this.#length.report(),
      duplicates: this.#duplicates,
      contamination: this.#contamination?.report() ?? null,
    };
  }
}

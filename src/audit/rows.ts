import { hash } from 'node:crypto';
import { type Interval, wilson } from '../benchmarks/metrics.ts';
import { Duplicates } from '../pairs/duplicates.ts';
import { parseVerdict } from '../prompts/verdict.ts';
import type { BenchmarkIndex, Contamination } from './contamination.ts';
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
  readonly contamination: {
    /** Prompts that were looked for, by benchmark. */
    readonly benchmarks: Readonly<Record<string, { readonly exact: number; readonly ngram: number }>>;
    readonly rows: number;
  } | null;
}

export interface RowsAuditOptions {
  readonly index?: BenchmarkIndex;
  /** Hears of every row that repeats a benchmark's prompt; `row` counts from 0. */
  readonly onContaminated?: (row: number, found: readonly Contamination[]) => void;
}

const promptKey = (prompt: string) => hash('sha256', prompt, 'base64url').slice(0, 12);

/** Audits rows one by one; memory is what tells duplicates (`Duplicates`). */
export class RowsAuditor {
  readonly #options: RowsAuditOptions;
  readonly #kinds: Record<string, number> = {};
  readonly #groups: Record<string, number> = {};
  readonly #verdicts = { A: 0, B: 0, neither: 0 };
  readonly #length = new LengthCount();
  readonly #seen = new Duplicates();
  readonly #duplicates = { exact: 0, near: 0 };
  readonly #found: Record<string, { exact: number; ngram: number }> = {};
  #contaminated = 0;
  #rows = 0;

  constructor(options: RowsAuditOptions = {}) {
    this.#options = options;
  }

  /** Whether the row is clean: it repeats no benchmark's prompt. */
  add(row: AuditRow): boolean {
    const { kind, prompt, chosen, rejected, group } = row;
    const number = this.#rows++;
    this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1;
    this.#groups[group] = (this.#groups[group] ?? 0) + 1;
    if (rejected !== null) this.#length.add(chosen, rejected, promptKey(prompt));
    if (kind !== 'response pair') {
      const { kind: verdict } = parseVerdict(chosen);
      this.#verdicts[verdict === 'A' || verdict === 'B' ? verdict : 'neither']++;
    }
    const copy = this.#seen.check(prompt);
    if (copy) this.#duplicates[copy.kind === 'exact duplicate' ? 'exact' : 'near']++;
    const found = this.#options.index?.find(prompt) ?? [];
    if (found.length === 0) return true;
    this.#contaminated++;
    for (const { benchmark, kind: how } of found) {
      this.#found[benchmark] ??= { exact: 0, ngram: 0 };
      this.#found[benchmark][how === 'exact' ? 'exact' : 'ngram']++;
    }
    this.#options.onContaminated?.(number, found);
    return false;
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
      contamination: this.#options.index ? { benchmarks: this.#found, rows: this.#contaminated } : null,
    };
  }
}

import type { ModelOptions } from '../../open/model.ts';
import type { FieldMapping } from '../../source/presets.ts';
import type { PairKind } from '../../types.ts';

/** The ledger of all generations; absent where they are in memory only. */
export function ledgerOf({ store, out }: Pick<PairsCommand, 'store' | 'out'>): string | undefined {
  return store ?? (out === undefined ? undefined : `${out}.db`);
}

/** What `evalplanner pairs` is told on its command line. */
export interface PairsCommand extends ModelOptions {
  readonly data?: readonly string[];
  readonly from?: string;
  readonly fields?: FieldMapping;
  readonly kind?: PairKind;
  readonly out?: string;
  readonly model?: string;
  readonly prompts?: 'playground' | 'published';
  readonly chosen: 'own' | 'model';
  readonly solutions: number;
  readonly perInstruction?: number;
  readonly categories?: readonly string[];
  readonly languages?: readonly string[];
  readonly minChars?: number;
  readonly maxChars?: number;
  readonly maxResponseChars?: number;
  readonly maxTurns?: number;
  readonly toxic?: boolean;
  readonly nearDuplicates: number | false;
  readonly maxLengthRatio: number;
  readonly benchmarks?: string;
  readonly sample?: number;
  readonly limit?: number;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
  readonly store?: string;
  readonly onError: 'stop' | 'skip';
  readonly json?: boolean;
}

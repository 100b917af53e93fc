/** What became of every row of the sources: read = kept + the sum of `left`. */
export interface Account {
  read: number;
  kept: number;
  /** Rows that were left out, by reason. */
  readonly left: Record<string, number>;
}

export function newAccount(): Account {
  return { read: 0, kept: 0, left: {} };
}

/** A row, or `n` of them, that are left out. */
export function leave({ left }: Pick<Account, 'left'>, reason: string, n = 1): void {
  left[reason] = (left[reason] ?? 0) + n;
}

import { DatabaseSync } from './sqlite.ts';

/** One process works on a run. The lock is an open transaction on an empty file beside the ledger, so the kernel holds
 * it and drops it with the process: after a SIGKILL nothing stale is left, and no pid has to be guessed about. It is a
 * file of its own because readers (`audit`, a dry run) stay welcome in the ledger itself.
 * Answers null when another process (or another store in this one) has it. */
export function lock(path: string): { release(): void } | null {
  const db = new DatabaseSync(`${path}-lock`, { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
    return { release: () => db.close() };
  } catch (error) {
    db.close();
    if (isBusy(error)) return null;
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return ((error as { errcode?: number }).errcode ?? 0) % 256 === 5;
}

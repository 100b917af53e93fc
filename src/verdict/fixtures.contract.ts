import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VerdictOptions } from './verdict.ts';

/** A judge's output and the verdict that a person reads in it. */
export interface VerdictFixture extends VerdictOptions {
  readonly id: string;
  readonly source: string;
  /** `in`: it ends as its prompt asked, by whatever traps before. */
  readonly contract: 'in' | 'out';
  readonly verdict: string;
  readonly text: string;
}

/** Those of the project, or of other files. */
export function readVerdictFixtures(files: readonly string[] = []): VerdictFixture[] {
  const folder = new URL('../../fixtures/verdicts/', import.meta.url);
  const own = globSync('*.jsonl', { cwd: folder }).map((file) => fileURLToPath(new URL(file, folder)));
  return (files.length > 0 ? files : own).flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => ({ source: basename(file, '.jsonl'), ...JSON.parse(line) })),
  );
}

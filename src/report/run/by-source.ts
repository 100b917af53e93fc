import type { Scores } from '../../metrics.ts';
import type { StageScores } from './report.ts';
import { SOURCE_COLOURS } from './style.ts';

/** A judge on one source. */
export interface Judged {
  readonly name: string;
  readonly control: boolean;
  readonly scores: Scores;
}

export function judgedOn(stages: readonly StageScores[], source: string): Judged[] {
  return stages.flatMap(({ name, control, sets }) => {
    const own = sets[source];
    return own === undefined ? [] : [{ name, control, scores: own }];
  });
}

/** The class that colours a source, by its place among the report's. */
export function sourceClass(sources: readonly string[], source: string): string {
  return `source-${Math.max(0, sources.indexOf(source)) % SOURCE_COLOURS}`;
}

/** A name in at most so many characters. */
export function cut(name: string, length: number): string {
  const characters = [...name];
  return characters.length <= length ? name : `${characters.slice(0, length - 1).join('')}…`;
}

import type { Report } from './report.ts';

/** What the run was for: accuracy of the first and the last judge on each source. Null without judges. */
export function headline({ stages, sources }: Report): Headline | null {
  const trained = stages.filter(({ control }) => !control);
  const [first] = trained;
  const last = trained.at(-1);
  if (first === undefined || last === undefined || sources.length === 0) return null;
  return {
    first: first.name,
    last: last.name,
    changes: sources.map((source) => {
      const from = first.sets[source]?.accuracy ?? 0;
      const to = last.sets[source]?.accuracy ?? 0;
      return { source, from, to, verb: to > from ? 'rose' : to < from ? 'fell' : 'stayed' };
    }),
  };
}

export interface Headline {
  readonly first: string;
  readonly last: string;
  readonly changes: readonly Change[];
}

export interface Change {
  readonly source: string;
  readonly from: number;
  readonly to: number;
  readonly verb: 'rose' | 'fell' | 'stayed';
}

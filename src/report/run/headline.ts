import type { Domain } from '../../types.ts';
import type { Control, Report, StageName } from './report.ts';

export const DOMAINS: readonly Domain[] = ['general', 'math'];

export const DOMAIN_LABEL: Readonly<Record<Domain, string>> = {
  general: 'general instructions',
  math: 'math',
};

export function isControl(name: StageName): name is Control {
  return name === 'direct' || name === 'unplanned';
}

/** What the run was for, in words: accuracy of the first and the last stage in each domain. Null without stages. */
export function headline(report: Report): Headline | null {
  const trained = report.stages.filter(({ name }) => !isControl(name));
  const [first] = trained;
  const last = trained.at(-1);
  if (first === undefined || last === undefined) return null;
  return {
    first: first.name,
    last: last.name,
    changes: DOMAINS.map((domain) => {
      const from = first[domain].accuracy;
      const to = last[domain].accuracy;
      return { domain, from, to, verb: to > from ? 'rose' : to < from ? 'fell' : 'stayed' };
    }),
  };
}

export interface Headline {
  readonly first: StageName;
  readonly last: StageName;
  readonly changes: readonly {
    readonly domain: Domain;
    readonly from: number;
    readonly to: number;
    readonly verb: 'rose' | 'fell' | 'stayed';
  }[];
}

/** Whether two final answers mean the same; `undecided` where neither can be shown. */
export type Sameness = boolean | 'undecided';

export const all = (results: readonly Sameness[]): Sameness =>
  results.includes(false) ? false : results.includes('undecided') ? 'undecided' : true;
export const any = (results: readonly Sameness[]): Sameness =>
  results.includes(true) ? true : results.includes('undecided') ? 'undecided' : false;

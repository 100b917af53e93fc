/** One unit of a benchmark, as far as its data can be odd. */
export interface Unit {
  readonly id: string;
  readonly responses: readonly string[];
}

const NAMED = 3;

/** What is strange in a benchmark's data and yet can be judged, a line each: ids that stand several times, blank responses,
 * responses that are the same. */
export function oddities(units: readonly Unit[]): string[] {
  const counts = new Map<string, number>();
  for (const { id } of units) counts.set(id, (counts.get(id) ?? 0) + 1);
  const ids = (of: readonly string[]) =>
    `${of.slice(0, NAMED).join(', ')}${of.length > NAMED ? ` and ${of.length - NAMED} more` : ''}`;
  const where = (matches: (unit: Unit) => boolean) => units.filter(matches).map(({ id }) => id);
  const kinds: readonly (readonly [string, readonly string[]])[] = [
    [
      'ids that stand more than once, whose n-th verdict belongs to their n-th row',
      [...counts].filter(([, count]) => count > 1).map(([id]) => id),
    ],
    ['rows with a blank response', where(({ responses }) => responses.some((text) => text.trim() === ''))],
    [
      'rows with the same response twice, so that a judge can only guess',
      where(({ responses }) => new Set(responses).size < responses.length),
    ],
  ];
  return kinds.flatMap(([what, of]) => (of.length === 0 ? [] : [`${what} (${of.length}): ${ids(of)}`]));
}

/** One unit of a benchmark, as far as its data can be odd. */
export interface Unit {
  readonly id: string;
  readonly section: string;
  readonly responses: readonly string[];
}

const NAMED = 3;

/** What is strange in a benchmark's data and yet can be judged, a line each: ids that stand several times, blank responses,
 * responses that are the same, more rows than were published. `counts` are the published numbers by section, of each version. */
export function oddities(
  units: readonly Unit[],
  counts: readonly Readonly<Record<string, number>>[] = [],
): string[] {
  const times = counted(units.map(({ id }) => id));
  const ids = (of: readonly string[]) =>
    `${of.slice(0, NAMED).join(', ')}${of.length > NAMED ? ` and ${of.length - NAMED} more` : ''}`;
  const where = (matches: (unit: Unit) => boolean) => units.filter(matches).map(({ id }) => id);
  const kinds: readonly (readonly [string, readonly string[]])[] = [
    [
      'ids that stand more than once, whose n-th verdict belongs to their n-th row',
      [...times].filter(([, count]) => count > 1).map(([id]) => id),
    ],
    ['rows with a blank response', where(({ responses }) => responses.some((text) => text.trim() === ''))],
    [
      'rows with the same response twice, so that a judge can only guess',
      where(({ responses }) => new Set(responses).size < responses.length),
    ],
  ];
  return [
    ...kinds.flatMap(([what, of]) => (of.length === 0 ? [] : [`${what} (${of.length}): ${ids(of)}`])),
    ...grown(counted(units.map(({ section }) => section)), counts),
  ];
}

/** Sections with more rows than the published version that has most of them as they are. */
function grown(
  sections: ReadonlyMap<string, number>,
  counts: readonly Readonly<Record<string, number>>[],
): string[] {
  const more = counts.map((version) => [...sections].filter(([name, count]) => count > (version[name] ?? 0)));
  const [fewest] = more.toSorted((a, b) => a.length - b.length);
  if (fewest === undefined || fewest.length === 0) return [];
  const version = counts[more.indexOf(fewest)] ?? {};
  const each = fewest.map(([name, count]) => `${name} ${count} in place of ${version[name] ?? 0}`);
  return [`more than was published, so not comparable with published scores: ${each.join(', ')}`];
}

function counted(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

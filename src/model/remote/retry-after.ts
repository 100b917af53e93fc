/** Milliseconds to wait by RFC 9110's Retry-After (seconds or an HTTP date), or by `retry-after-ms`, which is finer;
 * undefined where the headers say nothing that can be read. `now` is in milliseconds since 1970. */
export function retryAfter(
  header: (name: string) => string | null | undefined,
  now: number,
): number | undefined {
  const fine = header('retry-after-ms')?.trim();
  if (fine && /^\d+(\.\d+)?$/.test(fine)) return Number(fine);
  const value = header('retry-after')?.trim();
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  // Date.parse takes a lot for a date, '-5' too; all three forms of RFC 9110 begin with a day's name.
  const date = /^[A-Z]/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

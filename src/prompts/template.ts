/** A named, versioned prompt. Its version is stored with everything it produced. */
export interface Template<Field extends string> {
  readonly name: string;
  readonly version: string;
  /** Fields stand in braces: `{instruction}`. */
  readonly text: string;
  /** The markers that structure this prompt and its output; a field can never contain one of them unbroken. */
  readonly tags: readonly string[];
  readonly fields: readonly Field[];
}

/** Break every tag inside a field by a zero-width space after its first character, so that a response which contains
 * one of our tags cannot pass for the end of itself; what a reader sees stays the same. Tags have two characters at
 * least. The rest is looked at and not consumed: in `####` a tag `###` stands twice. */
export function escapeTags(value: string, tags: readonly string[]): string {
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return tags.reduce((out, tag) => {
    const [first = '', ...rest] = tag;
    const found = new RegExp(`${literal(first)}(?=${literal(rest.join(''))})`, 'gu');
    return out.replace(found, (character) => `${character}\u200b`);
  }, value);
}

/** Fill a template in one pass: braces inside a value are never read as fields. */
export function render<Field extends string>(
  template: Template<Field>,
  values: Readonly<Record<Field, string>>,
): string {
  return template.text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? escapeTags(values[name as Field], template.tags) : whole,
  );
}

/** The text between two tags, trimmed; null when either is missing. */
export function between(text: string, open: string, close: string): string | null {
  const start = text.indexOf(open);
  if (start < 0) return null;
  const end = text.indexOf(close, start + open.length);
  return end < 0 ? null : text.slice(start + open.length, end).trim();
}

/** Markup that is safe to put into a page: made by `html` only. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Value = Html | string | number | null | undefined | readonly Value[];

/** Markup from a template literal. Every value is escaped unless it is markup itself; lists are joined; null and
 * undefined are empty. Values belong into text and quoted attributes, never into a tag's name or a script. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.reduce((text, part, i) => text + markup(values[i - 1]) + part));
}

function markup(value: Value): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(markup).join('');
  return escapeHtml(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.toWellFormed().replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** A value as the content of `<script type="application/json">`: nothing in it can end the script, open a comment or
 * break a line, and JSON.parse reads the same value back. */
export function embedJson(value: unknown): Html {
  const escaped = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Html(escaped);
}

/** Our own style or script, not data. */
export function verbatim(text: string): Html {
  return new Html(text);
}

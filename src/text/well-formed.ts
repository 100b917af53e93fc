/** The text as every place can hold it: half a surrogate pair and NUL become U+FFFD. UTF-8 has no half pairs, so what is sent and
 * stored would differ from what was read, and its answer be asked and paid for again; NUL ends a text in many a server and
 * data base. Whoever reads a text from outside passes it through here, and from then on it is one text: asked, stored, keyed. */
export function wellFormed(text: string): string {
  const whole = text.toWellFormed();
  return whole.includes('\0') ? whole.replaceAll('\0', '\uFFFD') : whole;
}

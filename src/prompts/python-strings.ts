import type { Template } from '@huggingface/jinja';

/** Python's methods of strings that chat templates call and the library lacks, or takes without arguments: `x.strip('\n')`. */
const METHODS: Readonly<Record<string, (text: string, ...args: readonly unknown[]) => unknown>> = {
  strip: (text, chars) => stripped(text, chars, true, true),
  lstrip: (text, chars) => stripped(text, chars, true, false),
  rstrip: (text, chars) => stripped(text, chars, false, true),
  removeprefix: (text, part) => (text.startsWith(String(part)) ? text.slice(String(part).length) : text),
  removesuffix: (text, part) =>
    part !== '' && text.endsWith(String(part)) ? text.slice(0, -String(part).length) : text,
  find: (text, part) => text.indexOf(String(part)),
  rfind: (text, part) => text.lastIndexOf(String(part)),
  count: (text, part) => text.split(String(part)).length - 1,
  isdigit: (text) => /^\p{Nd}+$/u.test(text),
  isspace: (text) => /^\s+$/.test(text),
};
/** The day that Llama 3's templates print where they are told none. */
const DATE: Readonly<Record<string, string>> = {
  Y: '2024',
  y: '24',
  m: '07',
  B: 'July',
  b: 'Jul',
  d: '26',
  A: 'Friday',
  a: 'Fri',
  H: '00',
  M: '00',
  S: '00',
};
const FIXED_DATE = '_fixed_date';

/** The library has these without arguments. */
const HALF = ['strip', 'lstrip', 'rstrip'];

/** What the calls of a template become: functions, since methods cannot be added to the library's strings. */
export const PYTHON_STRINGS: Readonly<Record<string, unknown>> = Object.fromEntries([
  ...Object.entries(METHODS).map(([name, method]) => [functionOf(name), method]),
  [FIXED_DATE, (format: string) => format.replace(/%-?([a-zA-Z])/g, (all, unit) => DATE[unit] ?? all)],
]);

function functionOf(method: string): string {
  return `_python_${method}`;
}

interface Node {
  type?: string;
  value?: unknown;
  computed?: boolean;
  object?: Node;
  property?: Node;
  callee?: Node;
  args?: Node[];
}

/** Has a template's calls of these methods be calls of PYTHON_STRINGS; with `fixedDate` its questions for today's date, too. */
export function withPythonStrings(template: Template, fixedDate: boolean): Template {
  rewrite(template.parsed as Node, fixedDate);
  return template;
}

function rewrite(node: unknown, fixedDate: boolean): void {
  if (typeof node !== 'object' || node === null) return;
  for (const part of Object.values(node)) rewrite(part, fixedDate);
  const call = node as Node;
  if (fixedDate && call.type === 'Identifier' && call.value === 'strftime_now') call.value = FIXED_DATE;
  if (call.type !== 'CallExpression' || call.callee?.type !== 'MemberExpression') return;
  const { object, property, computed } = call.callee;
  const name = String(property?.value);
  const taken = HALF.includes(name) ? (call.args?.length ?? 0) > 0 : Object.hasOwn(METHODS, name);
  if (computed || object === undefined || !taken) return;
  call.callee = { type: 'Identifier', value: functionOf(name) };
  call.args = [object, ...(call.args ?? [])];
}

function stripped(text: string, chars: unknown, start: boolean, end: boolean): string {
  const gone = typeof chars === 'string' ? new Set(chars) : null;
  const goes = (character: string | undefined) =>
    character !== undefined && (gone === null ? /\s/.test(character) : gone.has(character));
  const characters = [...text];
  let [from, to] = [0, characters.length];
  while (start && from < to && goes(characters[from])) from++;
  while (end && to > from && goes(characters[to - 1])) to--;
  return characters.slice(from, to).join('');
}

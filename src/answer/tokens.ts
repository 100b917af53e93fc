import { spend } from './work.ts';

/** One token of an answer. `spaced`: white space stands before it. */
export interface Token {
  readonly kind: 'number' | 'command' | 'word' | 'text' | 'symbol';
  readonly text: string;
  readonly spaced: boolean;
}

const UNICODE: readonly (readonly [RegExp, string])[] = [
  [/[−–—﹣－]/g, '-'],
  [/[×⋅·∙✕]/g, '*'],
  [/÷/g, '/'],
  [/π/g, '\\pi '],
  [/∞/g, '\\infty '],
  [/√/g, '\\sqrt '],
  [/±/g, '\\pm '],
  [/∪/g, '\\cup '],
  [/∈/g, '\\in '],
  [/[≤⩽]|<=/g, '\\le '],
  [/[≥⩾]|>=/g, '\\ge '],
  [/≠|!=/g, '\\ne '],
  [/[≈≃]/g, '\\approx '],
  [/∅/g, '\\emptyset '],
  [/[°º]/g, '^\\circ '],
  [/½/g, '\\frac12'],
  [/⅓/g, '\\frac13'],
  [/⅔/g, '\\frac23'],
  [/¼/g, '\\frac14'],
  [/¾/g, '\\frac34'],
  [/[€£¥]/g, '$'],
  [/¢/g, ' cents'],
  // \left. and \right. are brackets that are not there.
  [/\\(?:left|right)\s*\.(?!\d)/g, ' '],
  [/[\u00a0\u202f\u2009]/g, ' '],
];
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Spacing, sizing and display commands, which mean nothing. */
const SILENT = new Set(
  [
    'left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle limits quad qquad',
    'boldsymbol mathbf mathit mathbb bf it rm boxed fbox ensuremath phantom hspace vspace',
  ].flatMap((names) => names.split(' ')),
);
const RENAMED: Readonly<Record<string, string>> = {
  dfrac: 'frac',
  tfrac: 'frac',
  cfrac: 'frac',
  leq: 'le',
  leqslant: 'le',
  geq: 'ge',
  geqslant: 'ge',
  simeq: 'approx',
  thickapprox: 'approx',
  varnothing: 'emptyset',
  dbinom: 'binom',
  tbinom: 'binom',
  neq: 'ne',
  lt: 'lt',
  gt: 'gt',
  degree: 'circ',
  textdegree: 'circ',
  bmatrix: 'pmatrix',
  operatorname: 'text',
  mathrm: 'text',
  mbox: 'text',
  hbox: 'text',
  textbf: 'text',
  textit: 'text',
  textrm: 'text',
  textnormal: 'text',
};

/** Thousands are grouped by `,`, a space, or LaTeX's `{,}`, `,\\!` and `\\,`; 1,234 is a number, `1, 234` and 1,23 are lists,
 * 1 123/456 is a mixed number. */
const NUMBER =
  /[1-9]\d{0,2}(?:(?:,|\{ ?, ?\}|,\\! ?|\\,)\d{3})+(?!\d)(?:\.\d+)?|[1-9]\d{0,2}(?: \d{3})+(?![\d,]| *[/\d])(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+/y;
/** The same without a plain comma: 12,102 is a list. */
const UNGROUPED = /[1-9]\d{0,2}(?:(?:\{ ?, ?\}|,\\! ?|\\,)\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+/y;
/** 0.1\overline{6}, 0.1666…: the digits before the period, and those of it. */
const PERIODIC =
  /(\d*)\.(\d{0,9})\\(?:overline|bar|dot)(?: ?\{(\d{1,9})\}| ?(\d))|(\d*)\.(\d{0,9}?)(\d{1,6}?)\7{1,20}(?: ?\\[lc]?dots|…|\.{3})/y;
/** 6.02e23; the exponent. */
const EXPONENT = /[eE]([+-]?\d{1,4})(?![\w.])/y;
const WORD = /[A-Za-z]+/y;
const COMMAND = /\\(?:[A-Za-z]+|.)/sy;

/** Tokens of LaTeX or plain text, in time linear in its length. `grouped`: a comma before three digits groups thousands. */
export function tokenize(answer: string, grouped = true): Token[] {
  spend(2 * answer.length);
  let source = answer.replace(
    /[⁰¹²³⁴-⁹]+/g,
    (run) => `^{${[...run].map((digit) => SUPERSCRIPTS.indexOf(digit)).join('')}}`,
  );
  for (const [pattern, replacement] of UNICODE) source = source.replace(pattern, () => replacement);
  spend(source.length);

  const tokens: Token[] = [];
  let spaced = false;
  const push = (kind: Token['kind'], text: string) => {
    tokens.push({ kind, text, spaced });
    spaced = false;
  };
  let at = 0;
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  while (at < source.length) {
    PERIODIC.lastIndex = at;
    const periodic = PERIODIC.exec(source);
    if (periodic !== null) {
      at += periodic[0].length;
      const [, a, b, c, d, e, f, g] = periodic;
      push('number', `${(a ?? e) || '0'}.${b ?? f}(${c ?? d ?? g})`);
      continue;
    }
    const number = match(grouped ? NUMBER : UNGROUPED);
    if (number !== null) {
      push('number', number.replace(/[^\d.]/g, ''));
      const exponent = match(EXPONENT);
      if (exponent !== null) tokens.push(...tokenize(`*10^{${exponent.slice(1).replace('+', '')}}`));
      continue;
    }
    const word = match(WORD);
    if (word !== null) {
      push('word', word);
      continue;
    }
    const command = match(COMMAND);
    if (command !== null) {
      const name = command.slice(1);
      if (/^[!,;: >~\n]$/.test(name)) spaced = true;
      else if (/^[$()[\]]$/.test(name)) continue;
      else if (name === '%' || name === '#' || name === '{' || name === '}' || name === '&')
        push('symbol', `\\${name}`);
      else if (name === '\\') push('symbol', '\\\\');
      else if (!SILENT.has(name)) {
        const renamed = RENAMED[name] ?? name;
        if (renamed === 'text') {
          const argument = braced(source, at);
          if (argument !== null) {
            at = argument.end;
            // \text{13} is a number.
            if (!/\p{L}/u.test(argument.text)) tokens.push(...tokenize(argument.text, grouped));
            else if (name === 'mathrm' && /^\s*[ei]\s*$/.test(argument.text))
              push('word', argument.text.trim());
            else push('text', argument.text.trim());
            spaced = true;
          }
        } else push('command', renamed);
      }
      continue;
    }
    const character = source[at++] as string;
    if (/\s|~/.test(character)) spaced = true;
    else if (character === '%') push('symbol', '\\%');
    else if (character !== '$' && character !== '`') push('symbol', character);
  }
  return tokens;
}

/** The argument in braces that starts at `from`. */
export function braced(source: string, from: number): { readonly text: string; readonly end: number } | null {
  let at = from;
  while (source[at] === ' ') at++;
  if (source[at] !== '{') return null;
  let depth = 0;
  for (let i = at; i < source.length; i++) {
    if (source[i] === '\\') i++;
    else if (source[i] === '{') depth++;
    else if (source[i] === '}' && --depth === 0) return { text: source.slice(at + 1, i), end: i + 1 };
  }
  return null;
}

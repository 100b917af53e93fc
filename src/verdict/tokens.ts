/** A piece of a judge's output: a word, a sign, a line break or a fence. Spaces and markup are left out, so that `**[[A]]**`,
 * `\[\[A\]\]` and `［［ Ａ ］］` are the same pieces. */
export interface Token {
  readonly type: 'word' | 'sign' | 'line' | 'fence';
  /** Lower case for words; full-width signs and typographic quotes as their plain forms. */
  readonly text: string;
  /** Begins with a capital. */
  readonly capital: boolean;
  /** Inside backticks. */
  readonly code: boolean;
  /** Where it stands in the output: [start, end). */
  readonly start: number;
  readonly end: number;
}

/** Read character by character: a string, or a test that counts the reads. */
export interface Characters {
  readonly length: number;
  charCodeAt(index: number): number;
}

/** Every character is read once or twice; a zero-width space is a sign of its own, so a tag broken by one stays broken. A
 * character of a script without spaces is a sign of its own too. */
export function tokenize(text: Characters): Token[] {
  const tokens: Token[] = [];
  let code = false;
  let i = 0;
  const sign = (type: Token['type'], value: string, length: number) => {
    tokens.push({ type, text: value, capital: false, code, start: i, end: i + length });
    i += length;
  };
  while (i < text.length) {
    const c = plain(text.charCodeAt(i));
    if (isWord(c)) {
      const start = i;
      let same = true;
      for (; i < text.length; i++) {
        const read = text.charCodeAt(i);
        const next = plain(read);
        // Inside a word only: `it's`, but not `'winner'`.
        if (next === APOSTROPHE && ELIDED.has(wordOf(text, start, i, same).toLowerCase())) break;
        if (!isWord(next) && !(next === APOSTROPHE && isWord(plain(text.charCodeAt(i + 1))))) break;
        same &&= next === read;
      }
      const word = wordOf(text, start, i, same);
      tokens.push({ type: 'word', text: word.toLowerCase(), capital: isCapital(c), code, start, end: i });
    } else if (c === NEWLINE) {
      code = false;
      sign('line', '\n', 1);
    } else if (c === BACKTICK) {
      let run = 1;
      while (run < 3 && text.charCodeAt(i + run) === BACKTICK) run++;
      if (run === 3) {
        code = false;
        sign('fence', '```', 3);
      } else {
        code = !code;
        i += run;
      }
    } else if (DOUBLE.has(c)) {
      const value = DOUBLE.get(c) as string;
      const token = { type: 'sign', text: value, capital: false, code, start: i, end: i + 1 } as const;
      tokens.push(token, token);
      i++;
    } else if (SKIPPED.has(c)) i++;
    else sign('sign', String.fromCharCode(c), 1);
  }
  return tokens;
}

function wordOf(text: Characters, start: number, end: number, same: boolean): string {
  const last = Math.min(end, start + LONGEST);
  if (same && typeof text === 'string') return text.slice(start, last);
  let word = '';
  for (let i = start; i < last; i++) word += String.fromCharCode(plain(text.charCodeAt(i)));
  return word;
}

const NEWLINE = 10;
const BACKTICK = 96;
const APOSTROPHE = 39;
/** `l'assistant` is two words. */
const ELIDED = new Set(['l', 'd', 'c', 'j', 'n', 's', 'qu', 'un', 'dell', 'all', 'quell']);
/** Longer words are none that we look for. */
const LONGEST = 24;
/** Spaces, and what Markdown and LaTeX put around a word. */
const SKIPPED = new Set([...' \t\r\f\v\u00a0\u3000\\*_~$#'].map((c) => c.charCodeAt(0)));

/** One bracket that says what two say. */
const DOUBLE = new Map(
  [...'⟦〚'].map((c) => [c.charCodeAt(0), '[']).concat([...'⟧〛'].map((c) => [c.charCodeAt(0), ']'])) as [
    number,
    string,
  ][],
);

const PLAIN = new Map(
  Object.entries({
    '[': '［【〔〖',
    ']': '］】〕〗',
    '<': '◁＜≺≪',
    '>': '▷＞≻≫',
    ':': '：',
    '.': '。．',
    ',': '，、',
    '"': '„«»「」『』＂',
    '\u201c': '\u201c',
    '\u201d': '\u201d',
    "'": '‘’＇',
    '-': '–—−→⇒➜',
    '=': '＝≈',
    '(': '（',
    ')': '）',
    '!': '！',
    '?': '？',
    '\n': '\u2028\u2029',
  }).flatMap(([to, from]) => [...from].map((c) => [c.charCodeAt(0), to.charCodeAt(0)] as const)),
);

/** Full-width letters and signs as their plain forms. */
function plain(code: number): number {
  if (code < 128) return code;
  if ((code >= 0xff21 && code <= 0xff3a) || (code >= 0xff41 && code <= 0xff5a)) return code - 0xfee0;
  return PLAIN.get(code) ?? code;
}

/** Letters of scripts that put spaces between words, and digits. */
function isWord(c: number): boolean {
  if (c < 128) return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57);
  if (c < 0x250) return c >= 0xc0 && c !== 0xd7 && c !== 0xf7;
  if (c >= 0x600 && c <= 0x6ff) return c !== 0x60c && c !== 0x61b && c !== 0x61f;
  return (c >= 0x370 && c <= 0x3ff) || (c >= 0x400 && c <= 0x52f);
}

/** Latin, or the Cyrillic and Greek ones that look like slots. */
function isCapital(c: number): boolean {
  return (c >= 65 && c <= 90) || (c >= 0x410 && c <= 0x42f) || (c >= 0x391 && c <= 0x3a9);
}

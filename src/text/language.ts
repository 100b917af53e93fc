/** The language of a text as ISO 639-1; null where that cannot be told. */
export type DetectLanguage = (text: string) => string | null;

/** What the detector reads: more of a text changes nothing but its time. */
const READ = 2000;
/** Shorter texts in Latin letters are called reliably English and reliably something else about as often. */
const SHORTEST = 20;
const LATIN = /^[\P{L}\p{Script=Latin}]*$/u;

/** eld's detector, loaded when it is wanted (1.6 MB of n-grams), where it calls itself reliable. Code and TeX are cut out: they
 * are of no language. */
export async function languageDetector(): Promise<DetectLanguage> {
  const { eld } = await import('eld/small');
  return (text) => {
    const prose = text
      .slice(0, 4 * READ)
      .replace(/```[\s\S]*?(?:```|$)|\$\$[\s\S]*?\$\$|\$[^$\n]*\$|https?:\/\/\S+/g, ' ')
      .slice(0, READ)
      .trim();
    if (prose.length < SHORTEST && LATIN.test(prose)) return null;
    const found = eld.detect(prose);
    return found.isReliable() ? found.language : null;
  };
}

const NAMES = new Intl.DisplayNames('en', { type: 'language' });

/** Whether a set's own word for a language, a code or an English name, is this code. */
export function sameLanguage(said: string, code: string): boolean {
  const word = said.trim().toLowerCase();
  return word.split(/[-_]/)[0] === code.toLowerCase() || word === NAMES.of(code)?.toLowerCase();
}

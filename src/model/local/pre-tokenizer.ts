/** How a byte-level tokenizer cuts a text into words, by llama.cpp's name for it; what tokenizer.json says of it. */
export interface PreTokenizer {
  /** The names in `tokenizer.ggml.pre` that mean it; the first is the one that we write. */
  readonly names: readonly string[];
  /** Regular expressions applied one after the other, each to what the one before has left. */
  readonly splits: readonly string[];
  /** Whether a further one, GPT-2's, follows. */
  readonly gpt2: boolean;
  /** A word that is a token is that token, whatever the merges would make of it. */
  readonly ignoreMerges: boolean;
  /** Whether a text begins with a token of its own, where a file does not say. */
  readonly beginning: boolean;
  readonly composed: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const words = (digits: string): string =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const cased = (upper: string, lower: string): string =>
  `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]${upper}[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]${lower}`;
const TEKKEN = `${cased('*', '+')}|${cased('+', '*')}|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const PLAIN = { gpt2: false, ignoreMerges: false, beginning: false, composed: false };

/** Those of the models that this engine runs. From llama.cpp, llama-vocab.cpp, but for composition, which it leaves out. */
export const PRE_TOKENIZERS: readonly PreTokenizer[] = [
  // `default` is written where a converter did not know better, and is read as transformers reads it.
  { ...PLAIN, names: ['gpt-2', 'default', 'mpt', 'olmo', 'phi-2'], splits: [], gpt2: true },
  {
    ...PLAIN,
    names: ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b'],
    splits: ['\\p{N}'],
    gpt2: true,
  },
  {
    ...PLAIN,
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3'],
    splits: [words('\\p{N}{1,3}')],
    ignoreMerges: true,
    beginning: true,
  },
  { ...PLAIN, names: ['smaug-bpe', 'dbrx'], splits: [words('\\p{N}{1,3}')] },
  { ...PLAIN, names: ['qwen2', 'megrez'], splits: [words('\\p{N}')], composed: true },
  { ...PLAIN, names: ['deepseek-r1-qwen', 'stablelm2'], splits: [words('\\p{N}')] },
  { ...PLAIN, names: ['tekken'], splits: [TEKKEN], ignoreMerges: true, beginning: true },
];

/** As `pre_tokenizer` of tokenizer.json. */
export function preTokenizerJson({ splits, gpt2 }: PreTokenizer): object {
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: gpt2 };
  if (splits.length === 0) return bytes;
  const cuts = splits.map((Regex) => ({
    type: 'Split',
    pattern: { Regex },
    behavior: 'Isolated',
    invert: false,
  }));
  return { type: 'Sequence', pretokenizers: [...cuts, bytes] };
}

/** The same the other way: the splits of a `pre_tokenizer`; null for one that is none of a byte-level tokenizer. */
export function splitsOf(json: unknown): Pick<PreTokenizer, 'splits' | 'gpt2'> | null {
  const steps = flat(json);
  const last = steps.pop();
  if (last?.type !== 'ByteLevel' || last.add_prefix_space === true) return null;
  const splits: string[] = [];
  for (const step of steps) {
    if (step.type === 'Digits' && step.individual_digits === true) splits.push('\\p{N}');
    else if (step.type === 'Split' && step.behavior === 'Isolated' && step.invert !== true)
      splits.push(String((step.pattern as { Regex?: unknown } | undefined)?.Regex));
    else return null;
  }
  return { splits, gpt2: last.use_regex !== false };
}

type Step = Readonly<Record<string, unknown>>;

function flat(json: unknown): Step[] {
  const step = (json ?? {}) as Step;
  return Array.isArray(step.pretokenizers) ? step.pretokenizers.flatMap(flat) : [step];
}

import { PLAYGROUND_TAGS } from '../prompts/tags.ts';
import { CATEGORY_NAMES, EDGE_WORDS, NAMES, NOUNS, TEMPLATE_WORDS, THINGS } from './words.ts';

export const PAD_ID = 0;
export const BOS_ID = 1;
export const EOS_ID = 2;

const SPECIAL = ['<pad>', '<s>', '</s>'];
const SPACE = 'Ġ'; // how byte-level BPE writes a space

/** GPT-2's 256 stand-ins for bytes: printable ASCII and Latin-1 stand for themselves. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : next++);
  });
}

/** Every token, its index being its id: special tokens, tags, bytes, then the world's words. */
export const VOCAB: readonly string[] = [
  ...new Set([
    ...SPECIAL,
    ...PLAYGROUND_TAGS,
    ...byteCharacters(),
    'Instruction',
    ...Array.from({ length: 100 }, (_, number) => `${SPACE}${number}`),
    ...[...'+-*/=.,:;?!()abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((c) => SPACE + c),
    ...[...NOUNS, ...CATEGORY_NAMES, ...EDGE_WORDS, ...NAMES, ...THINGS, ...TEMPLATE_WORDS].map(
      (word) => SPACE + word,
    ),
  ]),
];

const idByToken = new Map(VOCAB.map((token, id) => [token, id]));

function added(content: string, special: boolean) {
  const id = idByToken.get(content) as number;
  return { id, content, single_word: false, lstrip: !special, rstrip: false, normalized: false, special };
}

/** Hugging Face `tokenizer.json`: whole words, bytes for everything else, no merges. A tag swallows the space before it
 * and gives one back when it is decoded. */
export function tokenizerJson() {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [
      ...SPECIAL.map((token) => added(token, true)),
      ...PLAYGROUND_TAGS.map((tag) => added(tag, false)),
    ],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        ...PLAYGROUND_TAGS.map((tag) => ({
          type: 'Replace',
          pattern: { String: tag },
          content: SPACE + tag,
        })),
        byteLevel,
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: true,
      vocab: Object.fromEntries(VOCAB.map((token, id) => [token, id])),
      merges: [] as string[],
    },
  };
}

/** Hugging Face `tokenizer_config.json`. */
export function tokenizerConfig() {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    pad_token: SPECIAL[PAD_ID],
    bos_token: SPECIAL[BOS_ID],
    eos_token: SPECIAL[EOS_ID],
    add_bos_token: false,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
    model_max_length: 512,
  };
}

/** An ordinary tokenizer for tests: byte-level BPE with merges, and control tokens of a chat template. */

const WORDS = [
  'the answer is better because it follows',
  ' response plan step check [[ ]] [[A]] [[B]] Assistant Evaluation',
  'é ü ñ 漢字 😀 — “ ” ’ \u200b',
].flatMap((line) => line.split(/(?= )/));

export const CONTROL = ['<s>', '</s>', '<pad>', '<|im_start|>', '<|im_end|>', '[INST]', '[/INST]'];

const bytes = new Map<number, string>();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const printable =
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  bytes.set(byte, String.fromCharCode(printable ? byte : next++));
}

/** Ids: control tokens first, then bytes, then what is merged. */
export function ordinaryTokenizer(): { vocabSize: number; json: object } {
  const vocab = new Map<string, number>();
  const add = (token: string) => vocab.has(token) || vocab.set(token, vocab.size);
  CONTROL.forEach(add);
  for (const byte of bytes.values()) add(byte);
  const merges: [string, string][] = [];
  for (const word of WORDS) {
    let whole = '';
    for (const byte of new TextEncoder().encode(word)) {
      const next = bytes.get(byte) as string;
      if (whole !== '' && !vocab.has(whole + next)) merges.push([whole, next]);
      whole += next;
      add(whole);
    }
  }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: CONTROL.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
    },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
  return { vocabSize: vocab.size, json };
}

import { type PreTokenizer, preTokenizerJson } from './pre-tokenizer.ts';

export const TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}";
const SPECIAL = ['<|begin|>', '<|im_start|>', '<|im_end|>', '<think>'] as const;

/** GPT-2's characters for bytes. */
const BYTES = (() => {
  const kept = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(kept(byte) ? byte : next++));
})();

function filesOf(model: object, rest: object, beginning: boolean): Record<string, string> {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const vocab = (model as { vocab: Record<string, number> }).vocab;
  const added = SPECIAL.map((content) => ({
    id: vocab[content],
    content,
    ...flags,
    special: content !== '<think>',
  }));
  const first = { SpecialToken: { id: '<|begin|>', type_id: 0 } };
  const post = {
    type: 'TemplateProcessing',
    single: [first, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [first, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { '<|begin|>': { id: '<|begin|>', ids: [0], tokens: ['<|begin|>'] } },
  };
  const json = {
    version: '1.0',
    added_tokens: added,
    post_processor: beginning ? post : null,
    ...rest,
    model,
  };
  const config = { bos_token: '<|begin|>', eos_token: '<|im_end|>', pad_token: '<|begin|>' };
  return {
    'tokenizer.json': JSON.stringify(json),
    'tokenizer_config.json': JSON.stringify(config),
    'chat_template.jinja': TEMPLATE,
  };
}

const vocabOf = (tokens: readonly string[]) => Object.fromEntries(tokens.map((token, id) => [token, id]));

/** A byte-level tokenizer with a few words, cut as one of llama.cpp's. */
export function byteLevel(pre: PreTokenizer, beginning = false): Record<string, string> {
  const merges = [
    ['Ġ', 't'],
    ['h', 'e'],
    ['Ġt', 'he'],
    ['1', '2'],
    ['Ġ', 'Ġ'],
    ['Ã', '©'],
    ['Ġ', '1'],
  ] as const;
  const tokens = [...SPECIAL, ...BYTES, ...merges.map((merge) => merge.join(''))];
  const model = { type: 'BPE', ignore_merges: pre.ignoreMerges, vocab: vocabOf(tokens), merges };
  const normalizer = pre.composed ? { type: 'NFC' } : null;
  const rest = { normalizer, pre_tokenizer: preTokenizerJson(pre), decoder: { type: 'ByteLevel' } };
  return filesOf(model, rest, beginning);
}

/** One of Llama 2's kind; what it merges is in order of length, as its scores will have it. */
export function sentencePiece(prefix: boolean): Record<string, string> {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`);
  const merges = [
    ['▁', 't'],
    ['h', 'e'],
    ['▁t', 'he'],
    ['▁', '▁'],
  ] as const;
  const tokens = [
    ...SPECIAL,
    ...bytes,
    '▁',
    't',
    'h',
    'e',
    'a',
    'n',
    '1',
    ...merges.map((merge) => merge.join('')),
  ];
  const model = { type: 'BPE', byte_fallback: true, fuse_unk: true, vocab: vocabOf(tokens), merges };
  const pre = {
    type: 'Metaspace',
    replacement: '▁',
    prepend_scheme: prefix ? 'first' : 'never',
    split: false,
  };
  const decoders = [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ];
  return filesOf(
    model,
    { normalizer: null, pre_tokenizer: pre, decoder: { type: 'Sequence', decoders } },
    true,
  );
}

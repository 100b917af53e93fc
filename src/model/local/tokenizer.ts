import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';

/** Text to token ids and back, by a Hugging Face tokenizer.json. */
export interface Tokenizer {
  encode(text: string): number[];
  /** A text that a sequence starts with: behind what the tokenizer puts before every text, as Llama's `<s>`. */
  start(text: string): number[];
  /** Special tokens are left out, and so are ids that are no tokens: a model may have more rows than its tokenizer. */
  decode(ids: readonly number[]): string;
  /** The id of a text that is a single token, as the vocabulary writes it. */
  id(token: string): number | undefined;
  /** The id of a text that is an added token: found in a text as a whole, whatever stands around it. */
  added(text: string): number | undefined;
  /** Added tokens that are no text: beginnings and ends of turns and the like. */
  readonly special: readonly string[];
  /** Added tokens that count as text, as `<tool_call>` and `<think>`; those of white space and of plain letters left out. */
  readonly tags: readonly string[];
  /** What a token stands for in the middle of a text; a character may be spread over several tokens. */
  bytes(id: number): Uint8Array;
  /** Whether these ids are of a text with a word that the vocabulary lacks. */
  foreign(ids: readonly number[]): boolean;
  /** The token that tokenizer_config.json names as the end of a text. */
  readonly eos: number | undefined;
  /** The largest id there is. */
  readonly largest: number;
}

/** Throws what the library throws for files that are none of a tokenizer. */
export function tokenizer(json: object, config: object): Tokenizer {
  const hub = new HubTokenizer(json, config);
  const added = hub.get_added_tokens_decoder();
  const ids = new Map([...added].map(([id, { content }]) => [content, Number(id)]));
  const byteLevel = hasByteLevel((json as { decoder?: unknown }).decoder);
  const encode = (input: string, special: boolean): number[] =>
    hub.encode(input, { add_special_tokens: special }).ids;
  const text = (ids: readonly number[], skipSpecialTokens: boolean) => {
    const known = ids.filter((id) => hub.id_to_token(id) !== undefined);
    return known.length === 0
      ? ''
      : hub.decode(known, {
          skip_special_tokens: skipSpecialTokens,
          // It would take spaces out of what the model wrote ("a ." to "a.").
          clean_up_tokenization_spaces: false,
        });
  };
  const around = encode('a', true);
  const before = around.slice(0, Math.max(0, around.indexOf(encode('a', false)[0] as number)));
  const { eos_token: named } = config as { eos_token?: string | { content?: string } | null };
  const eos = typeof named === 'string' ? named : named?.content;
  return {
    encode: (input) => encode(input, false),
    start(input) {
      const ids = encode(input, false);
      // A chat template writes them itself.
      return before.every((id, i) => ids[i] === id) ? ids : [...before, ...ids];
    },
    decode: (ids) => text(ids, true),
    id: (token) => hub.token_to_id(token),
    added: (token) => ids.get(token),
    special: [...added.values()].filter(({ special }) => special).map(({ content }) => content),
    tags: [...added.values()]
      .filter(({ special, content }) => !special && /^[<[].+[>\]]$/s.test(content))
      .map(({ content }) => content),
    bytes(id) {
      const token = hub.id_to_token(id) ?? '';
      if (!added.has(id)) {
        const fallback = /^<0x([0-9A-F]{2})>$/.exec(token);
        if (fallback) return Uint8Array.of(Number.parseInt(fallback[1] as string, 16));
        if (byteLevel) return Uint8Array.from([...token], (character) => BYTES.get(character) ?? 0x3f);
      }
      // After itself, since a text's first token may lose its space.
      return new TextEncoder().encode(text([id, id], false).slice(text([id], false).length));
    },
    foreign: foreignTo(json, hub, byteLevel),
    eos: eos === undefined ? undefined : hub.token_to_id(eos),
    largest: [...hub.get_vocab(true).values()].reduce((a, b) => Math.max(a, b), -1),
  };
}

/** A word is lacking where its id is the unknown token's; or, in a vocabulary of whole words and bytes, where it is spelled. */
function foreignTo(json: object, hub: HubTokenizer, byteLevel: boolean): Tokenizer['foreign'] {
  const { unk_token, unk_id, merges } = ((json as { model?: unknown }).model ?? {}) as {
    readonly unk_token?: string | null;
    readonly unk_id?: number | null;
    readonly merges?: readonly unknown[];
  };
  const unknown = unk_id ?? (unk_token == null ? undefined : hub.token_to_id(unk_token));
  const letters = new Set<number>();
  if (byteLevel && merges?.length === 0) {
    for (const [token, id] of hub.get_vocab(false)) {
      const byte = BYTES.get(token);
      if (byte !== undefined && (byte >= 0x80 || /[A-Za-z0-9]/.test(token))) letters.add(id);
    }
  }
  return (ids) =>
    ids.some((id, i) => id === unknown || (letters.has(id) && letters.has(ids[i + 1] as number)));
}

function hasByteLevel(decoder: unknown): boolean {
  const { type, decoders } = (decoder ?? {}) as { type?: unknown; decoders?: unknown };
  return type === 'ByteLevel' || (Array.isArray(decoders) && decoders.some(hasByteLevel));
}

/** The characters that stand for bytes in a byte-level vocabulary: printable ones for themselves, the others, in their
 * order, for 256 and up (GPT-2's `bytes_to_unicode`). */
const BYTES: ReadonlyMap<string, number> = new Map(
  (() => {
    const printable = (byte: number) =>
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    let next = 256;
    return Array.from({ length: 256 }, (_, byte): [string, number] => [
      String.fromCodePoint(printable(byte) ? byte : next++),
      byte,
    ]);
  })(),
);

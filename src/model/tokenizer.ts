import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';

/** Text to token ids and back, by a Hugging Face tokenizer.json. */
export interface Tokenizer {
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  /** The id of a text that is a single token. */
  id(token: string): number | undefined;
}

export function tokenizer(json: object, config: object): Tokenizer {
  const hub = new HubTokenizer(json, config);
  return {
    encode: (text) => hub.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) => (ids.length === 0 ? '' : hub.decode([...ids], { skip_special_tokens: true })),
    id: (token) => hub.token_to_id(token),
  };
}

import type { GgufMetadata, GgufValue } from '../../engine/gguf/header.ts';
import { EvalPlannerError } from '../../errors.ts';
import { PRE_TOKENIZERS, type PreTokenizer, preTokenizerJson } from './pre-tokenizer.ts';

/** `tokenizer.ggml.token_type`. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** A row of the model without a token of its own. */
const PADDING = /^\[PAD\d+\]$/;
/** Characters; those of published vocabularies have 256 at most. */
const LONGEST_TOKEN = 1024;
const SPACE = '\u2581';

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly types: ArrayLike<number>;
}

/** The tokenizer's files that a GGUF file's metadata amount to, by name; `path` names it in errors. Throws EvalPlannerError. */
export function tokenizerOfGguf(path: string, metadata: GgufMetadata): Record<string, string> {
  const fault = (what: string, cause?: unknown) =>
    new EvalPlannerError(
      'model',
      `${path}: ${what}`,
      'convert the model again with a current llama.cpp, or take its Hugging Face folder',
      cause,
    );
  const of = (name: string) => metadata.get(`tokenizer.ggml.${name}`);
  const strings = (name: string): readonly string[] => {
    const value = of(name);
    if (!isStrings(value)) throw fault(`tokenizer.ggml.${name} is no list of texts`);
    return value;
  };
  const kind = of('model');
  if (kind !== 'gpt2' && kind !== 'llama')
    throw fault(`its tokenizer is ${show(kind)}; gpt2 (byte-level BPE) and llama (SentencePiece) are read`);
  const tokens = strings('tokens');
  const types = numbers(of('token_type')) ?? new Uint8Array(tokens.length).fill(TOKEN_TYPE.normal);
  if (types.length !== tokens.length)
    throw fault(`it has ${tokens.length} tokens and the types of ${types.length}`);
  if (new Set(tokens).size !== tokens.length) throw fault('two of its tokens are the same');
  const long = tokens.find((token) => token.length > LONGEST_TOKEN);
  if (long !== undefined) throw fault(`a token has ${long.length} characters`);
  const vocabulary = { tokens, types };

  const named = (name: string): string | undefined => {
    const id = of(`${name}_token_id`);
    if (id === undefined) return undefined;
    const token = typeof id === 'number' ? tokens[id] : undefined;
    if (token === undefined) throw fault(`tokenizer.ggml.${name}_token_id is ${show(id)}, which is no token`);
    return token;
  };
  const [bos, eos, unknown, padding] = [named('bos'), named('eos'), named('unknown'), named('padding')];

  let tokenizer: object;
  let beginning: boolean;
  if (kind === 'gpt2') {
    const pre = of('pre') ?? 'default';
    const found = PRE_TOKENIZERS.find(({ names }) => names.includes(pre as string));
    if (found === undefined) {
      const known = PRE_TOKENIZERS.flatMap(({ names }) => names).join(', ');
      throw fault(`its pre-tokenizer is ${show(pre)}; known are ${known}`);
    }
    const merges = strings('merges').map((merge, i) => {
      const [left, right, ...more] = merge.split(' ');
      if (!left || !right || more.length > 0) throw fault(`the merge ${i} is ${show(merge)}`);
      return [left, right] as const;
    });
    tokenizer = byteLevel(vocabulary, found, merges);
    beginning = found.beginning;
  } else {
    const scores = numbers(of('scores'));
    if (scores?.length !== tokens.length) throw fault('its tokens have no scores');
    tokenizer = sentencePiece(vocabulary, scores, of('add_space_prefix') !== false, unknown);
    beginning = true;
  }
  const first = (of('add_bos_token') ?? beginning) === true ? bos : undefined;
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    ...tokenizer,
    post_processor: first === undefined ? null : behind(first, tokens.indexOf(first)),
  };
  checkMerges(json, fault);
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    ...Object.fromEntries(
      Object.entries({ bos_token: bos, eos_token: eos, unk_token: unknown, pad_token: padding }).filter(
        ([, token]) => token !== undefined,
      ),
    ),
    clean_up_tokenization_spaces: false,
  };
  const template = metadata.get('tokenizer.chat_template');
  return {
    'tokenizer.json': `${JSON.stringify(json)}\n`,
    'tokenizer_config.json': `${JSON.stringify(config, null, 2)}\n`,
    ...(typeof template === 'string' ? { 'chat_template.jinja': template } : {}),
  };
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'absent').slice(0, 80);
}

const isStrings = (value: GgufValue | undefined): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

const numbers = (value: GgufValue | undefined): ArrayLike<number> | undefined =>
  ArrayBuffer.isView(value) ? (value as unknown as ArrayLike<number>) : undefined;

/** Tokens and their ids; rows without a token have none. */
function usedTokens({ tokens, types }: Vocabulary): (readonly [token: string, id: number])[] {
  return tokens.flatMap((token, id) =>
    types[id] === TOKEN_TYPE.unused && PADDING.test(token) ? [] : [[token, id] as const],
  );
}

/** Added tokens are here too, since their ids lie anywhere. */
const vocab = (vocabulary: Vocabulary): Record<string, number> => Object.fromEntries(usedTokens(vocabulary));

function addedTokens({ tokens, types }: Vocabulary): object[] {
  const { unknown, control, userDefined } = TOKEN_TYPE;
  const how = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== unknown && type !== control && type !== userDefined) return [];
    return [{ id, content, ...how, special: type !== userDefined }];
  });
}

type Merges = readonly (readonly [left: string, right: string])[];

function byteLevel(vocabulary: Vocabulary, pre: PreTokenizer, merges: Merges): object {
  return {
    normalizer: pre.composed ? { type: 'NFC' } : null,
    pre_tokenizer: preTokenizerJson(pre),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...BPE,
      ignore_merges: pre.ignoreMerges,
      vocab: vocab(vocabulary),
      merges,
    },
  };
}

const BPE = {
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
};

/** As transformers rebuilds it: a space before the whole text only, where the file wants one. */
function sentencePiece(
  vocabulary: Vocabulary,
  scores: ArrayLike<number>,
  prefix: boolean,
  unknown: string | undefined,
): object {
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
  return {
    normalizer: null,
    pre_tokenizer: {
      type: 'Metaspace',
      replacement: SPACE,
      prepend_scheme: prefix ? 'first' : 'never',
      split: false,
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefix ? [strip] : []),
      ],
    },
    model: {
      ...BPE,
      unk_token: unknown ?? null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: vocab(vocabulary),
      merges: mergesByScore(vocabulary, scores),
    },
  };
}

/** SentencePiece joins the two neighbours whose union has the highest score; these are the pairs in that order, and of equals the
 * one with the longer left side first, as transformers has it. */
function mergesByScore(vocabulary: Vocabulary, scores: ArrayLike<number>): Merges {
  const used = usedTokens(vocabulary);
  const known = new Set(used.map(([token]) => token));
  const found = used.flatMap(([token, id]) => {
    const characters = [...token];
    return characters.slice(1).flatMap((_, before) => {
      const [left, right] = [characters.slice(0, before + 1), characters.slice(before + 1)];
      const pair = [left.join(''), right.join('')] as const;
      if (!known.has(pair[0]) || !known.has(pair[1])) return [];
      return [{ pair, score: scores[id] as number, left: left.length, right: right.length }];
    });
  });
  found.sort((a, b) => b.score - a.score || b.left - a.left || b.right - a.right);
  return found.map(({ pair }) => pair);
}

/** Texts are put behind a token. */
function behind(token: string, id: number): object {
  const special = { SpecialToken: { id: token, type_id: 0 } };
  const [a, b] = [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }];
  return {
    type: 'TemplateProcessing',
    single: [special, a],
    pair: [special, a, { SpecialToken: { id: token, type_id: 1 } }, b],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  };
}

/** Both sides of a merge and what it makes are tokens: else no library reads the file. */
function checkMerges(json: object, fault: (what: string) => EvalPlannerError): void {
  const { vocab, merges } = (json as { model: { vocab: Record<string, number>; merges: Merges } }).model;
  const known = new Set(Object.keys(vocab));
  for (const [left, right] of merges) {
    if (known.has(left) && known.has(right) && known.has(left + right)) continue;
    throw fault(`it merges ${show(left)} and ${show(right)}, which are no tokens, or whose union is none`);
  }
}

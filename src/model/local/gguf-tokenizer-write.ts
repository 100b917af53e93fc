import type { GgufEntry } from '../../engine/gguf/write.ts';
import { EvalPlannerError } from '../../errors.ts';
import { chatTemplate, specialTokens } from '../../prompts/chat-template.ts';
import { TOKEN_TYPE } from './gguf-tokenizer.ts';
import { PRE_TOKENIZERS, splitsOf } from './pre-tokenizer.ts';

type Json = Readonly<Record<string, unknown>>;

interface TokenizerJson {
  readonly model?: {
    readonly type?: string;
    readonly vocab?: Readonly<Record<string, number>>;
    readonly merges?: readonly (string | readonly [string, string])[];
    readonly byte_fallback?: boolean;
    readonly ignore_merges?: boolean;
  };
  readonly pre_tokenizer?: Json | null;
  readonly normalizer?: Json | null;
  readonly added_tokens?: readonly {
    readonly id: number;
    readonly content: string;
    readonly special?: boolean;
  }[];
  readonly post_processor?: unknown;
}

/** A tokenizer and its chat template as the metadata of a GGUF file; `rows` are those of the model's vocabulary. Throws
 * EvalPlannerError for a tokenizer that llama.cpp has none of. */
export function entriesOfTokenizer(
  dir: string,
  files: Readonly<Record<string, string>>,
  rows: number,
): GgufEntry[] {
  const json = JSON.parse(files['tokenizer.json'] ?? '{}') as TokenizerJson;
  const fault = (what: string) =>
    new EvalPlannerError(
      'model',
      `${dir}: ${what}, and llama.cpp has no tokenizer of that kind`,
      'export it with --to hf; only models with the tokenizer of a Llama, Qwen or SmolLM can be GGUF files',
    );
  const { model } = json;
  if (model?.type !== 'BPE' || model.vocab === undefined)
    throw fault(`its tokenizer is ${JSON.stringify(model?.type)}`);
  const merges = (model.merges ?? []).map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  // Without them it takes whole words.
  if (merges.length === 0) throw fault('its tokenizer has no merges');
  const entries = model.byte_fallback ? sentencePiece(json, merges, rows) : byteLevel(json, merges, rows);
  if (entries === null) throw fault('its tokenizer cuts texts into words in a way of its own');
  const begins = JSON.stringify(json.post_processor ?? null).includes('SpecialToken');
  const template = chatTemplate(files).source === null ? undefined : templateOf(files);
  return [
    ...entries,
    ['tokenizer.ggml.add_bos_token', 'bool', begins],
    ...(template === undefined ? [] : [['tokenizer.chat_template', 'string', template] as const]),
    ...unknownToken(files, model.vocab),
  ];
}

function templateOf(files: Readonly<Record<string, string>>): string {
  const [source] = JSON.parse(chatTemplate(files).source as string) as [string];
  return source;
}

function unknownToken(
  files: Readonly<Record<string, string>>,
  vocab: Readonly<Record<string, number>>,
): GgufEntry[] {
  const { unk_token: token } = specialTokens(files);
  const id = token === undefined || !Object.hasOwn(vocab, token) ? undefined : vocab[token];
  return id === undefined ? [] : [['tokenizer.ggml.unknown_token_id', 'uint32', id]];
}

function byteLevel(json: TokenizerJson, merges: readonly string[], rows: number): GgufEntry[] | null {
  const found = splitsOf(json.pre_tokenizer);
  const composed = json.normalizer?.type === 'NFC';
  if (found === null || (json.normalizer && !composed)) return null;
  const same = PRE_TOKENIZERS.filter(
    ({ splits, gpt2 }) => gpt2 === found.gpt2 && splits.join('\n') === found.splits.join('\n'),
  );
  const wholeWords = json.model?.ignore_merges ?? false;
  const pre =
    same.find((known) => known.composed === composed && known.ignoreMerges === wholeWords) ??
    same.find((known) => known.ignoreMerges === wholeWords);
  if (pre === undefined) return null;
  const { tokens, types } = vocabulary(json, rows, false);
  return [
    ['tokenizer.ggml.model', 'string', 'gpt2'],
    ['tokenizer.ggml.pre', 'string', pre.names[0] as string],
    ['tokenizer.ggml.tokens', 'strings', tokens],
    ['tokenizer.ggml.token_type', 'int32s', types],
    ['tokenizer.ggml.merges', 'strings', merges],
  ];
}

/** A token's score says when its pair is joined: the earlier in the merges, the higher. */
function sentencePiece(json: TokenizerJson, merges: readonly string[], rows: number): GgufEntry[] | null {
  const prefix = prefixOf(json);
  if (prefix === null) return null;
  const { tokens, types } = vocabulary(json, rows, true);
  const ranks = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const token = merge.replace(' ', '');
    if (!ranks.has(token)) ranks.set(token, rank);
  }
  return [
    ['tokenizer.ggml.model', 'string', 'llama'],
    ['tokenizer.ggml.pre', 'string', 'default'],
    ['tokenizer.ggml.tokens', 'strings', tokens],
    ['tokenizer.ggml.token_type', 'int32s', types],
    ['tokenizer.ggml.scores', 'float32s', tokens.map((token) => -(ranks.get(token) ?? merges.length))],
    ['tokenizer.ggml.add_space_prefix', 'bool', prefix],
  ];
}

/** Whether texts begin with a space, in the two forms that tokenizer.json has for it; null for any other. */
function prefixOf({ normalizer, pre_tokenizer: pre }: TokenizerJson): boolean | null {
  if (!normalizer && pre?.type === 'Metaspace') return pre.prepend_scheme !== 'never';
  if (pre || !normalizer) return null;
  const steps = (normalizer.normalizers ?? [normalizer]) as readonly Json[];
  const known = steps.every(({ type }) => type === 'Prepend' || type === 'Replace');
  return known ? steps.some(({ type }) => type === 'Prepend') : null;
}

interface Vocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

/** Every row of the model has a token. */
function vocabulary(
  { model, added_tokens: added = [] }: TokenizerJson,
  rows: number,
  bytes: boolean,
): Vocabulary {
  const tokens = Array.from({ length: rows }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(rows).fill(TOKEN_TYPE.unused);
  for (const [token, id] of Object.entries(model?.vocab ?? {})) {
    tokens[id] = token;
    types[id] = bytes && /^<0x[0-9A-F]{2}>$/.test(token) ? TOKEN_TYPE.byte : TOKEN_TYPE.normal;
  }
  for (const { id, content, special } of added) {
    tokens[id] = content;
    types[id] = special ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined;
  }
  return { tokens, types };
}

/** Text to token ids. */
export type Encode = (text: string) => readonly number[];

export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** Messages to text, by a model's chat template; with the opening of the answer where it is to be generated. */
export type RenderChat = (messages: readonly ChatMessage[], openAnswer: boolean) => string;

export interface MaskedTokens {
  readonly ids: readonly number[];
  /** One for each token: whether it carries loss. */
  readonly mask: readonly boolean[];
  /** The text of the tokens that carry loss. */
  readonly masked: string;
}

/** The tokens of a prompt and a completion through a chat template, and which of them carry loss: those behind the prompt's, as
 * TRL and OpenRLHF mask. Throws RangeError where the rendered prompt, as text or as tokens, is no prefix of the whole: a mask
 * by its length would then cut the completion or let the prompt in. */
export function lossMask(
  render: RenderChat,
  encode: Encode,
  prompt: string,
  completion: string,
): MaskedTokens {
  const asked = { role: 'user', content: prompt } as const;
  const opening = render([asked], true);
  const whole = render([asked, { role: 'assistant', content: completion }], false);
  if (!whole.startsWith(opening))
    throw new RangeError('the rendered prompt is no prefix of the conversation');
  const before = encode(opening);
  const ids = encode(whole);
  if (before.some((id, i) => ids[i] !== id))
    throw new RangeError('the tokens of the prompt are no prefix of those of the conversation');
  return { ids, mask: ids.map((_, i) => i >= before.length), masked: whole.slice(opening.length) };
}

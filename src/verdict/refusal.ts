import { Phrases } from './phrases.ts';
import type { Token } from './tokens.ts';

const REFUSALS = new Set(["can't", 'cannot', 'unable', "won't", 'decline', 'refuse']);
const REFUSED = new Set([
  ...[
    'assist',
    'help',
    'evaluate',
    'provide',
    'compare',
    'comply',
    'judge',
    'fulfill',
    'complete',
    'continue',
  ],
  ...[
    'assessing',
    'comparing',
    'evaluating',
    'judging',
    'providing',
    'ranking',
    'rating',
    'choosing',
    'picking',
    'rate',
    'rank',
    'choose',
  ],
  ...['engage', 'answer', 'respond', 'process', 'do', 'offer', 'participate'],
]);

const UNWILLING = new Set(['not', "don't", "wouldn't", "won't", 'feel']);
const WILLING = new Set(['able', 'comfortable', 'willing', 'going']);
const APOLOGIES = new Phrases(
  `es tut mir leid|tut mir leid|leider|lo siento|lamento|je suis désolé|je suis désolée|désolé|malheureusement|mi dispiace|sinto muito|desculpe
  |извините|к сожалению|простите|对不起|抱歉|很抱歉|對不起|申し訳|すみません|죄송|آسف|عذرا`,
);
const DENIALS = new Phrases(
  `nicht|kein|keine|keinen|no puedo|no voy|ne peux|ne vais|refuse|non posso|não posso|não vou|не могу|не буду|不能|无法|無法|できません|できない|없습니다|없어|لا أستطيع|لا يمكنني`,
);
/** Tokens of a beginning. */
const BEGINNING = 40;

function apologises(tokens: readonly Token[]): boolean {
  const finds = (phrases: Phrases, from: number, to: number) => {
    for (let i = from; i < Math.min(to, tokens.length); i++) if (phrases.at(tokens, i) > 0) return i;
    return -1;
  };
  const sorry = finds(APOLOGIES, 0, 4);
  return sorry >= 0 && finds(DENIALS, sorry + 1, BEGINNING) >= 0;
}

/** Whether an output without a verdict begins by declining: `I’m sorry, but I can’t assist with that.` */
export function refuses(tokens: readonly Token[]): boolean {
  if (apologises(tokens)) return true;
  const words = tokens
    .slice(0, 30)
    .filter(({ type }) => type === 'word')
    .map(({ text }) => text);
  const opening = words.slice(0, 3);
  const declines = opening.some((word) => ['i', "i'm", 'sorry', 'unfortunately'].includes(word));
  if (!declines && opening.join(' ') !== 'as an ai') return false;
  const at = words.findIndex(
    (word, i) => REFUSALS.has(word) || (UNWILLING.has(word) && WILLING.has(words[i + 1] ?? '')),
  );
  return at >= 0 && at < 10 && words.slice(at + 1, at + 5).some((word) => REFUSED.has(word));
}

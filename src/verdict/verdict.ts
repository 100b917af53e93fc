import type { VerdictKind } from '../types.ts';
import { inWords } from './conclusion.ts';
import { exemplary, quotation, spokenOf } from './context.ts';
import { alone, bracketed, labelled, type Marker, ranking } from './markers.ts';
import { refuses } from './refusal.ts';
import { lastSpoken } from './spoken.ts';
import { type Token, tokenize } from './tokens.ts';
import { finalVoice } from './voice.ts';

/** What a judge's output says in the end. */
export interface Verdict {
  readonly kind: VerdictKind;
  /** Where the output says so: [start, end) of the marker. */
  readonly at?: readonly [number, number];
  /** It is written as the prompts ask for it, `[[A]]`, `[[B]]` or `[[C]]`, and nothing follows it. */
  readonly exact: boolean;
}

export interface VerdictOptions {
  /** How the generation ended: only one that ended by itself can be a verdict. */
  readonly finishReason?: 'stop' | 'length' | 'refused' | 'error';
  /** Whether a tie is a verdict (default: yes); else it is invalid. */
  readonly ties?: boolean;
}

/** The final verdict of a judge's output. A cut output or thought is `truncated`, never guessed. After thoughts, plan and
 * execution, the last `[[A]]`, `[[B]]` or `[[C]]` (tie) that is spoken and not quoted, negated or part of the repeated
 * format; where there is none, the last one in another spelling (`\boxed{A}`, `Final verdict: A`, `A > B`, JSON, tags), then a
 * last line that is one, then the conclusion in words, in several languages. Linear in the text's length: no look goes further than a fixed number of tokens. */
export function parseVerdict(
  text: string,
  { finishReason = 'stop', ties = true }: VerdictOptions = {},
): Verdict {
  if (finishReason !== 'stop') return { kind: ENDED[finishReason], exact: false };
  const tokens = tokenize(text);
  const { marker, open } = readMarker(tokens);
  if (open) return { kind: 'truncated', exact: false };
  if (marker === null) return { kind: refuses(tokens) ? 'refused' : 'invalid', exact: false };
  if (marker.names === 'tie' && !ties) return { kind: 'invalid', exact: false };
  const start = (tokens[marker.first] as Token).start;
  const end = (tokens[marker.end - 1] as Token).end;
  const exact = end - start === 5 && EXACT.has(text.slice(start, end)) && text.slice(end).trim() === '';
  return { kind: marker.names, at: [start, end], exact };
}

const ENDED = { length: 'truncated', refused: 'refused', error: 'error' } as const;
const EXACT = new Set(['[[A]]', '[[B]]', '[[C]]']);

/** The marker that counts; `open`: a thought was never closed. */
export function readMarker(tokens: readonly Token[]): {
  readonly marker: Marker | null;
  readonly open: boolean;
} {
  const voice = finalVoice(tokens);
  const { from, open, repeated } = voice;
  if (open) return { marker: null, open };
  const strong = lastSpoken(tokens, bracketed, voice);
  if (strong !== null) return { marker: strong, open };
  let weak: Marker | null = null;
  let fence: number | null = null;
  let quotedLine = false;
  /** The last two labels say the one and the other. */
  let contradicted = false;
  /** What is not the judge's own. */
  const foreign = new Set<number>();
  for (let i = from; i < tokens.length; i++) {
    const { type, text } = tokens[i] as Token;
    if (type === 'fence') fence = fence === null ? i : null;
    if (type === 'line') quotedLine = false;
    else if (text === '>' && (i === from || tokens[i - 1]?.type === 'line')) quotedLine = true;
    if (quotedLine || repeated.has(i) || fence !== null || type === 'fence') foreign.add(i);
    if (quotedLine || repeated.has(i)) continue;
    const marker = bracketed(tokens, i);
    if (marker !== null) {
      if (fence !== null) for (let k = i; k < marker.end; k++) foreign.add(k);
      i = marker.end - 1;
    } else if (fence === null || opensObject(tokens, fence)) {
      const other = labelled(tokens, i) ?? ranking(tokens, i);
      const own = other !== null && !spokenOf(tokens, other, from) && !quotation(tokens, other, from);
      if (own && !exemplary(tokens, other, from)) {
        weak = contradicts(tokens, weak, other) ? null : other;
        contradicted = weak === null;
        i = other.end - 1;
      }
    }
  }
  if (weak !== null || contradicted) return { marker: weak, open };
  const own = tokens.map((token, i) =>
    foreign.has(i) ? { ...token, type: 'line' as const, text: '\n' } : token,
  );
  return { marker: alone(own, from) ?? inWords(own, from), open };
}

/** The same label again, in the next line, and another slot. */
function contradicts(tokens: readonly Token[], one: Marker | null, other: Marker): boolean {
  if (one === null || one.names === other.names) return false;
  const text = (i: number) => tokens[i]?.text ?? '\n';
  if (text(one.first) !== text(other.first) || text(one.first - 1) !== text(other.first - 1)) return false;
  let lines = 0;
  for (let i = one.end; i < Math.min(other.first, one.end + 16); i++) if (text(i) === '\n') lines++;
  return lines > 0 && lines <= 2 && other.first - one.end < 12;
}

/** Blank lines that are looked over in a fence. */
const BLANKS = 4;

/** A fence that holds JSON, with or without its name. */
function opensObject(tokens: readonly Token[], fence: number): boolean {
  return tokens.slice(fence + 1, fence + BLANKS).some(({ text }) => text === '{');
}

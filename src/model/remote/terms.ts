/** The terms on which a server takes requests, as its refusals tell them: by the parameter that is refused, never by one server's
 * wording. What only saves calls or tells more is asked for otherwise; what decides the answers is not changed. */
export interface Terms {
  /** Fields that are left out. */
  readonly without: ReadonlySet<string>;
  /** Whether one call may ask for several completions. */
  readonly several: boolean;
  /** Most alternatives of a token; 0: the chosen token's log-probability alone; -1: none. */
  readonly alternatives: number;
  /** A chat's `logprobs` is a number, as in the older API. */
  readonly countedLogprobs: boolean;
  /** A chat's `max_tokens` is called `max_completion_tokens`. */
  readonly completionTokens: boolean;
}

export const OPEN_TERMS: Terms = {
  without: new Set(),
  several: true,
  alternatives: Number.POSITIVE_INFINITY,
  countedLogprobs: false,
  completionTokens: false,
};

/** What was learned by either. */
export function bothTerms(a: Terms, b: Terms): Terms {
  return {
    without: new Set([...a.without, ...b.without]),
    several: a.several && b.several,
    alternatives: Math.min(a.alternatives, b.alternatives),
    countedLogprobs: a.countedLogprobs || b.countedLogprobs,
    completionTokens: a.completionTokens || b.completionTokens,
  };
}

/** What a server said when it refused. */
export interface Refusal {
  readonly status: number | undefined;
  readonly message: string;
  readonly code?: string | null | undefined;
  readonly param?: string | null | undefined;
}

export interface Change {
  readonly terms: Terms;
  /** A later change of the same takes the place of an earlier one. */
  readonly about: string;
  /** What was changed, behind the server's name; true once the changed request is answered. */
  readonly note: string;
}

type Sent = Readonly<Record<string, unknown>>;

/** The parameter is not known, or not for this model, whatever its value. */
const UNSUPPORTED =
  /unsupported|not?[- ](?:be )?(?:support|allowed|permitted|enabled|available|implemented)|n't support|unrecogni[sz]ed|unknown|unexpected|cannot find|remove|\bextra\b/i;
/** Some other value would be taken. */
const LIMIT = /between|less than|greater|at most|at least|max|min\b|minimum|\brange\b|exceed|[<>≤≥]/i;
/** Its value is not one that is taken. */
const OUT_OF_RANGE = new RegExp(`${LIMIT.source}|must|invalid|\\bonly\\b|cannot|should be|positive`, 'i');
/** What log-probabilities are called; `top_n_tokens` is TGI's own name for what it is asked as `top_logprobs`. */
const LOGPROBS = /log.?prob|top_n_tokens/i;
/** Refused for the length of this one request. */
const TOO_LONG = /context.{0,20}length|too (?:large|long)|exceed/i;

/** Other terms on which the same request may be taken, and mean the same or nearly; null where there are none. The caller keeps
 * them once the request was answered: they are a guess until then. */
export function otherTerms(terms: Terms, refusal: Refusal, sent: Sent): Change | null {
  const { status, message } = refusal;
  const about = (name: string) => name in sent && names(refusal, name);
  const unsupported = status === 403 || UNSUPPORTED.test(`${refusal.code} ${message}`);
  // OpenAI refuses logprobs of some models by 403.
  if (status === 403) return LOGPROBS.test(message) ? fewerAlternatives(terms, refusal, sent, true) : null;
  // Of these statuses any may be about anything else: an outage, a bug.
  const vague = status === 500 || status === 501;
  if (!vague && status !== 400 && status !== 422) return null;
  const single: Change = {
    terms: { ...terms, several: false },
    about: 'n',
    note: 'takes no n: completions are asked for one by one',
  };
  if ('n' in sent && (about('n') || /\b(?:choices?|candidates?)\b/i.test(message))) return single;
  if (vague && !unsupported) return null;
  if ('logprobs' in sent && (about('logprobs') || about('top_logprobs') || LOGPROBS.test(message)))
    return fewerAlternatives(terms, refusal, sent, unsupported);
  if (about('max_tokens') && 'messages' in sent && !TOO_LONG.test(message) && unsupported) {
    const note = 'takes max_completion_tokens in place of max_tokens';
    return { terms: { ...terms, completionTokens: true }, about: 'max_tokens', note };
  }
  for (const [name, note] of LEFT_OUT) {
    if (!about(name)) continue;
    return { terms: { ...terms, without: new Set([...terms.without, name]) }, about: name, note };
  }
  for (const name of SAMPLING) {
    // Models that take no other value have this one, and it asks for nothing.
    if (!about(name) || sent[name] !== 1) continue;
    const without = new Set([...terms.without, name]);
    const note = `takes no ${name}, which was 1: it is left out`;
    return { terms: { ...terms, without }, about: name, note };
  }
  // n is a saving only: whatever the words are, one completion may be taken.
  return 'n' in sent && !vague && refusedSampling(refusal, sent).length === 0 ? single : null;
}

/** What a server without seeds means for a run, behind its name. */
export const SEED_LEFT_OUT =
  'takes no seed: it is left out, so that asking once more would bring other answers; what the ledger has stays';

/** Those that may be left out, with what that means. */
const LEFT_OUT: readonly (readonly [name: string, note: string])[] = [
  ['seed', SEED_LEFT_OUT],
  ['random_seed', SEED_LEFT_OUT],
  ['stream_options', 'takes no stream_options: it is left out, so that usage may be missing'],
  ['stream', 'does not stream: answers are told when they are whole'],
  ['stop', 'takes no such stop: it is left out, and texts are cut here'],
  ['structured_outputs', 'takes no structured_outputs: an answer may be none of its choices'],
];

const SAMPLING = ['temperature', 'top_p'] as const;
type SamplingName = (typeof SAMPLING)[number];

/** Which of temperature and top_p a server does not take as they are: they decide the answers, so nothing else is sent in their place. */
export function refusedSampling(refusal: Refusal, sent: Sent): readonly SamplingName[] {
  const { status, message, code } = refusal;
  if (status !== 400 && status !== 422) return [];
  const said = `${code} ${message}`;
  if (!UNSUPPORTED.test(said) && !OUT_OF_RANGE.test(said)) return [];
  return SAMPLING.filter((name) => name in sent && names(refusal, name));
}

/** What to do about them; `byBody`: they may be left out of the request. */
export function samplingRemedy(refused: readonly SamplingName[], byBody: boolean): string {
  const given = refused.includes('temperature')
    ? 'give a temperature that it takes, by --temperature or the config'
    : 'give topP 1 (in TypeScript)';
  if (!byBody) return given;
  const nulls = JSON.stringify(Object.fromEntries(refused.map((name) => [name, null])));
  return `${given}, or leave it to the model by --body '${nulls}'`;
}

/** Fewer alternatives: what the server names as its limit, else the next of a few. */
function fewerAlternatives(terms: Terms, refusal: Refusal, sent: Sent, unsupported: boolean): Change | null {
  const { message } = refusal;
  if (sent.logprobs === true && /\b(?:int|integer|number)\b/i.test(message) && /bool/i.test(message))
    return { terms: { ...terms, countedLogprobs: true }, about: 'form', note: 'takes logprobs as a number' };
  const { logprobs, top_logprobs } = sent;
  const asked = typeof top_logprobs === 'number' ? top_logprobs : typeof logprobs === 'number' ? logprobs : 0;
  const limits = [...message.matchAll(/\d+/g)].map(([digits]) => Number(digits)).filter((n) => n < asked);
  const next = asked > 5 ? 5 : asked > 1 ? 1 : asked - 1;
  const fewer = limits.length > 0 ? Math.max(...limits) : next;
  const wholly = unsupported && !LIMIT.test(message);
  const alternatives = wholly ? none(refusal, sent) : fewer;
  return { terms: { ...terms, alternatives }, about: 'logprobs', note: alternativesNote(alternatives) };
}

/** Where alternatives alone are refused, the chosen token's log-probability may not be. */
function none(refusal: Refusal, { top_logprobs }: Sent): number {
  return typeof top_logprobs === 'number' &&
    top_logprobs > 0 &&
    !names(refusal, 'logprobs') &&
    names(refusal, 'top_logprobs')
    ? 0
    : -1;
}

function alternativesNote(alternatives: number): string {
  if (alternatives < 0) return 'takes no logprobs: verdicts count unweighted';
  if (alternatives === 0)
    return 'gives the log-probability of the chosen token alone: verdicts count unweighted';
  return `gives ${alternatives} ${alternatives === 1 ? 'alternative' : 'alternatives'} of a token at most`;
}

/** Whether a refusal names a parameter: by its field, or in its text as a word. */
function names({ param, message }: Refusal, name: string): boolean {
  if (param && param.split('.').at(-1) === name) return true;
  return new RegExp(`(?<![a-z_\\\\])${name}(?![a-z_])`, 'i').test(message);
}

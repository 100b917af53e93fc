import type { GenerateRequest } from '../../model.ts';
import { wellFormed } from '../../text/well-formed.ts';
import { StopTexts } from '../local/text-stream.ts';
import type { BudgetOptions } from './budget.ts';
import { CallFailure } from './call-failure.ts';
import type { Job } from './completion.ts';
import { httpFailure, insideFailure } from './http-failure.ts';
import type { Notes } from './notes.ts';
import type { OpenAIClient } from './openai-client.ts';
import {
  type BodyOptions,
  ErrorInside,
  filtered,
  isFiltered,
  type ReadAnswer,
  readAnswer,
  requestBody,
} from './openai-protocol.ts';
import { StreamedAnswer } from './openai-stream.ts';
import type { CompletionEndpoint } from './remote.ts';
import { asItIs } from './secret.ts';
import { bothTerms, otherTerms, type Refusal, refusedSampling, samplingRemedy, type Terms } from './terms.ts';

type EndpointOptions = BodyOptions & Pick<BudgetOptions, 'prices'>;

/** Without the query: some servers take a key there. */
export function nameOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** One address of an OpenAI-style server. */
export class OpenAIEndpoint implements CompletionEndpoint {
  readonly name: string;
  readonly #baseURL: string;
  readonly #options: EndpointOptions;
  readonly #notes: Notes;
  readonly #redact: (text: string) => string;
  readonly #open: (baseURL: string) => Promise<OpenAIClient>;
  #client: Promise<OpenAIClient> | undefined;
  #terms: Terms;

  constructor(
    baseURL: string,
    open: (baseURL: string) => Promise<OpenAIClient>,
    redact: (text: string) => string,
    options: EndpointOptions,
    terms: Terms,
    notes: Notes,
  ) {
    this.name = nameOf(baseURL);
    this.#baseURL = baseURL;
    this.#open = open;
    this.#redact = redact;
    this.#options = options;
    this.#terms = terms;
    this.#notes = notes;
  }

  get takesN(): boolean {
    return this.#terms.several;
  }

  async call(job: Job, signal: AbortSignal): Promise<void> {
    this.#client ??= this.#open(this.#baseURL);
    const client = await this.#client;
    while (job.completions.length < job.requests.length) {
      const had = job.completions.length;
      const { onDelta } = job;
      const hear = onDelta && ((index: number, text: string) => onDelta(had + index, text));
      job.completions.push(...(await this.#complete(client, job.requests.slice(had), signal, hear)));
    }
  }

  /** One call, or one more for each parameter that turns out to be refused. */
  async #complete(
    client: OpenAIClient,
    left: Job['requests'],
    signal: AbortSignal,
    onDelta: Job['onDelta'],
  ): Promise<Job['completions']> {
    const request = left[0] as Job['requests'][number];
    const notes = new Map<string, string>();
    const callOn = (terms: Terms) => {
      // vLLM refuses several of a greedy request, which would be alike.
      const n = terms.several && request.temperature > 0 ? left.length : 1;
      return { n, body: requestBody(request, n, this.#options, terms, onDelta !== undefined) };
    };
    for (let terms = this.#terms; ; ) {
      const { n, body } = callOn(terms);
      const answer = await this.#ask(client, body, request, n, signal, onDelta);
      if ('completions' in answer) {
        const { completions, choices } = answer;
        this.#terms = bothTerms(this.#terms, choices < n ? { ...terms, several: false } : terms);
        this.#note([...notes.values()], answer);
        if ('structured_outputs' in body) this.#checkChoices(request, answer);
        return [...completions];
      }
      const { refusal, failure } = answer;
      if (isFiltered(refusal.status, refusal.code, refusal.message)) return [filtered(failure.paid)];
      const change = otherTerms(terms, refusal, body);
      // One that cannot be left out would be refused again without end.
      if (change === null || JSON.stringify(callOn(change.terms).body) === JSON.stringify(body)) {
        const refused = refusedSampling(refusal, body);
        if (refused.length === 0) throw failure;
        throw new CallFailure('denied', failure.message, { remedy: samplingRemedy(refused, true) });
      }
      terms = change.terms;
      notes.set(change.about, change.note);
    }
  }

  /** One call: what it brought, or why it brought nothing. */
  async #ask(
    client: OpenAIClient,
    body: object,
    request: GenerateRequest,
    n: number,
    signal: AbortSignal,
    onDelta: Job['onDelta'],
  ): Promise<ReadAnswer | { readonly refusal: Refusal; readonly failure: CallFailure }> {
    const path = this.#options.api === 'chat' ? '/chat/completions' : '/completions';
    const stream = onDelta && 'stream' in body ? this.#follow(request, n, onDelta) : null;
    const onText = stream ? (piece: string) => stream.push(piece) : undefined;
    let text: string;
    try {
      text = await client.post(path, body, signal, onText);
    } catch (error) {
      return { refusal: told(error), failure: clientFailure(error, this.name, this.#redact) };
    }
    try {
      const whole = stream?.some ? JSON.stringify(stream.end()) : text;
      return readAnswer(this.#read(whole), request, n, this.#options);
    } catch (error) {
      if (error instanceof ErrorInside) return { refusal: error, failure: insideFailure(error) };
      throw error;
    }
  }

  /** What is to be told of an answer, and of what was changed to get it. */
  #note(changes: readonly string[], { completions, unknown }: ReadAnswer): void {
    for (const change of changes) this.#notes.once(`${this.name} ${change}`);
    for (const { word, ending } of unknown) this.#notes.unknownEnd(word, ending);
    if (this.#options.prices && completions.some(({ unmetered }) => unmetered)) {
      this.#notes.once(`${this.name} does not say what it used: the budget counts the most that it may be`);
    }
  }

  /** A server that does not know the field says nothing of it. */
  #checkChoices({ choices = [] }: GenerateRequest, { completions }: ReadAnswer): void {
    if (completions.every(({ text }) => choices.some((choice) => choice.startsWith(text)))) return;
    this.#notes.once(`${this.name} does not heed structured_outputs: an answer may be none of its choices`);
  }

  /** The events of a stream, whose texts are told as far as they are certain: up to a stop, and without a key. */
  #follow({ stop = [] }: GenerateRequest, n: number, onDelta: NonNullable<Job['onDelta']>): StreamedAnswer {
    const { api, prefill } = this.#options;
    const told = Array.from({ length: n }, () => ({ stops: new StopTexts(stop), seen: 0, text: '' }));
    return new StreamedAnswer(api, (index, text) => {
      const choice = told[index];
      // One that may begin with the prefill is told at its end.
      if (!choice || (api === 'chat' && prefill === 'prefix')) return;
      const piece = choice.stops.push(text.slice(choice.seen));
      choice.seen = text.length;
      choice.text += piece;
      if (piece !== '') onDelta(index, this.#redact(choice.text));
    });
  }

  /** One text everywhere, without half a surrogate pair or NUL; and a server that repeats the key does not bring it into the ledger. */
  #read(text: string): unknown {
    let answer: unknown;
    try {
      answer = JSON.parse(text, /\\u(?:d[89a-f]|0000)/i.test(text) ? wellFormedValue : undefined);
    } catch {
      throw new CallFailure('transient', `${this.name}: an answer that is not JSON`);
    }
    if (this.#redact === asItIs) return answer;
    const whole = JSON.stringify(answer);
    const clean = this.#redact(whole);
    return clean === whole ? answer : JSON.parse(clean);
  }
}

function wellFormedValue(_: string, value: unknown): unknown {
  return typeof value === 'string' ? wellFormed(value) : value;
}

interface Told extends Refusal {
  readonly headers: Headers | undefined;
}

/** An error of the client's as ours. */
export function clientFailure(error: unknown, name: string, redact: (text: string) => string): CallFailure {
  const { headers, ...refusal } = told(error);
  return httpFailure({ error, ...refusal, header: (name) => headers?.get(name) }, name, redact);
}

/** The parts of the client's errors; it has a class for each status, which says no more. */
function told(error: unknown): Told {
  const { message, status, code, param, headers } = error as Partial<Told> & Error;
  return { message: message ?? String(error), status, code, param, headers };
}

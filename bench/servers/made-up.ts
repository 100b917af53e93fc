/** Servers made up of data: a row of fixtures/servers.json says what one refuses, in which words, and how it answers. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A value that is refused: above, below, unless it is this, of this type, or present at all. */
interface Refused {
  readonly field: string;
  readonly above?: number;
  readonly below?: number;
  readonly unless?: number;
  readonly type?: 'boolean';
  readonly present?: true;
  readonly status: number;
  /** `{value}` stands for what was sent. */
  readonly body: unknown;
}

export interface MadeUpServer {
  readonly name: string;
  readonly sources: readonly string[];
  /** Whether a call brings several choices; `one`: n is ignored or refused. */
  readonly choices: 'n' | 'one';
  /** The form of log-probabilities, that of chats or that of the older API. */
  readonly logprobs: 'chat' | 'older' | 'none';
  readonly prefill: 'continue_final_message' | 'prefix' | 'assistant' | null;
  /** The only one it takes. */
  readonly temperature?: number;
  readonly badTemperature?: number;
  /** No temperature is refused: one that is too high is capped or taken. */
  readonly temperatureAny?: true;
  /** Asked in this order. */
  readonly refuses: readonly Refused[];
  /** What each of its words for an ending has to be; `again`: the answer broke off, and is asked for again. */
  readonly ends: Readonly<Record<string, 'stop' | 'length' | 'refused' | 'again'>>;
  /** Words whose choices have no message. */
  readonly noMessage?: readonly string[];
  /** `total`: thoughts count in the total alone. The others say how many tokens came from a cache. */
  readonly usage: 'plain' | 'total' | 'cached' | 'cache-hit';
  /** How it refuses a prompt for what it says. */
  readonly filters?: { readonly status: number; readonly body: unknown };
  /** An error that it puts into an answer of status 200. */
  readonly inside?: { readonly code: number; readonly message: string };
}

type Fields = Record<string, unknown>;

/** What every answer uses, however it is told. */
export const USED = { prompt: 100, cached: 40, completion: 10 } as const;

export interface PlayedServer {
  readonly url: string;
  readonly asked: Fields[];
  /** Bodies that were answered. */
  readonly taken: Fields[];
  close(): Promise<void>;
}

/** Prompts: `end WORD` ends so, `filter` is refused for what it says, `inside` is answered with an error of status 200 first. */
export async function play(row: MadeUpServer): Promise<PlayedServer> {
  const [asked, taken]: [Fields[], Fields[]] = [[], []];
  const seen = new Set<string>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Fields;
    asked.push(body);
    const refused = row.refuses.find((rule) => refuses(rule, body[rule.field]));
    if (refused) return send(response, refused.status, filled(refused.body, body[refused.field]));
    const said = prompt(body);
    const first = !seen.has(said);
    seen.add(said);
    if (said === 'filter' && row.filters) return send(response, row.filters.status, row.filters.body);
    if (said === 'inside' && row.inside && first)
      return send(response, 200, { choices: null, error: row.inside });
    taken.push(body);
    const word = said.startsWith('end ') ? said.slice(4) : 'stop';
    send(
      response,
      200,
      answer(row, body, row.ends[word] === 'again' && !first ? 'stop' : word, taken.length),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    taken,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuses({ above, below, unless, type, present }: Refused, value: unknown): boolean {
  if (value === undefined) return false;
  if (present || (type !== undefined && typeof value === type)) return true;
  if (typeof value !== 'number') return false;
  return (
    (above !== undefined && value > above) ||
    (below !== undefined && value < below) ||
    (unless !== undefined && value !== unless)
  );
}

const filled = (body: unknown, value: unknown): unknown =>
  JSON.parse(JSON.stringify(body).replaceAll('{value}', String(value)));

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function prompt({ messages, prompt }: Fields): string {
  const users = (messages as { role: string; content: string }[] | undefined)?.filter(
    ({ role }) => role === 'user',
  );
  return String(users?.at(-1)?.content ?? prompt);
}

function answer(row: MadeUpServer, body: Fields, word: string, call: number): Fields {
  const n = row.choices === 'n' ? Number(body.n ?? 1) : 1;
  const last = (body.messages as { role: string; content: string }[]).at(-1);
  // DeepSeek's and Mistral's answers begin with what they were given.
  const begun = last?.role === 'assistant' && row.prefill === 'prefix' ? last.content : '';
  const choices = Array.from({ length: n }, (_, index) => ({
    index,
    finish_reason: word,
    ...(row.noMessage?.includes(word)
      ? {}
      : { message: { role: 'assistant', content: `${begun}A ${call}.${index}` } }),
    ...logprobs(row, body),
  }));
  const completion =
    row.ends[word] === 'length' ? Number(body.max_tokens ?? body.max_completion_tokens) : USED.completion;
  return { choices, usage: usage(row, completion * n) };
}

function usage({ usage }: MadeUpServer, completion: number): Fields {
  const counted = {
    prompt_tokens: USED.prompt,
    completion_tokens: completion,
    total_tokens: USED.prompt + completion,
  };
  if (usage === 'total') return { ...counted, completion_tokens: Math.min(4, completion) };
  if (usage === 'cached') return { ...counted, prompt_tokens_details: { cached_tokens: USED.cached } };
  return usage === 'cache-hit' ? { ...counted, prompt_cache_hit_tokens: USED.cached } : counted;
}

/** The letter A with probability a half, and its alternatives with a quarter, an eighth, … */
function logprobs({ logprobs }: MadeUpServer, { logprobs: asked, top_logprobs: top }: Fields): Fields {
  if (asked === undefined || asked === false || logprobs === 'none') return {};
  const count = typeof asked === 'number' ? asked : Number(top ?? 0);
  const tokens = Array.from({ length: count }, (_, i) => ({
    token: String.fromCharCode(65 + i),
    logprob: -(i + 1) * Math.LN2,
  }));
  const one = { token: 'A', logprob: -Math.LN2 };
  if (logprobs === 'chat') return { logprobs: { content: [{ ...one, top_logprobs: tokens }] } };
  const older = { tokens: [one.token], token_logprobs: [one.logprob] };
  const alternatives = Object.fromEntries(tokens.map(({ token, logprob }) => [token, logprob]));
  return { logprobs: count > 0 ? { ...older, top_logprobs: [alternatives] } : older };
}

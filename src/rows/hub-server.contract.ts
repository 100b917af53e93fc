import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server holds: dataset id → revision → path → content. */
export type Datasets = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;

export interface FakeHub {
  readonly url: string;
  /** Every request, as `GET /path`. */
  readonly asked: string[];
  /** Decides what goes wrong with a request; null: nothing. */
  fault: (request: IncomingMessage) => number | 'cut' | null;
  close(): Promise<void>;
}

/** A real HTTP server that speaks what the hub's client asks of the hub, on loopback. `gated/…` wants the token `hf_good`. */
export async function startHub(datasets: Datasets): Promise<FakeHub> {
  const asked: string[] = [];
  const hub = { asked, fault: () => null } as unknown as FakeHub & { url: string };
  const server: Server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const fault = hub.fault(request);
    if (typeof fault === 'number')
      return end(response, fault, { error: 'as the test wants it' }, { 'Retry-After': '0.01' });
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => answer(datasets, request, response, body, fault === 'cut'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  hub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  hub.close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return hub;
}

const oid = (text: string) => createHash('sha1').update(text).digest('hex');

function end(
  response: ServerResponse,
  status: number,
  json: unknown,
  headers: Record<string, string> = {},
): ServerResponse {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  return response.end(JSON.stringify(json));
}

function answer(
  datasets: Datasets,
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  cut: boolean,
): unknown {
  const url = new URL(request.url ?? '/', 'http://hub');
  const [, id, verb, rest = ''] =
    /^\/(?:api\/)?datasets\/([^/]+\/[^/]+)\/(revision|tree|paths-info|resolve)\/(.*)$/.exec(url.pathname) ??
    [];
  if (id?.startsWith('gated/') && request.headers.authorization !== 'Bearer hf_good')
    return end(response, 403, { error: 'Access to this dataset is restricted' });
  const revisions = id === undefined ? undefined : datasets[id];
  if (revisions === undefined) return end(response, 404, { error: 'Repository not found' });
  const byCommit = Object.fromEntries(
    Object.entries(revisions).map(([name, files]) => [oid(`${id} ${name}`), files]),
  );
  if (verb === 'revision') {
    const name = decodeURIComponent(rest);
    if (!revisions[name]) return end(response, 404, { error: 'Invalid rev id' });
    return end(response, 200, { _id: '1', id, sha: oid(`${id} ${name}`), lastModified: '2026-01-01' });
  }
  const [commit = '', ...path] = rest.split('/');
  const files = byCommit[commit];
  if (files === undefined) return end(response, 404, { error: 'Invalid rev id' });
  const entry = ([name, text]: [string, string]) => ({
    type: 'file',
    path: name,
    size: Buffer.byteLength(text),
    oid: oid(text),
    lastCommit: { id: commit, title: '', date: '2026-01-01' },
  });
  if (verb === 'tree') return end(response, 200, Object.entries(files).map(entry));
  if (verb === 'paths-info') {
    const wanted = (JSON.parse(body) as { paths: string[] }).paths;
    return end(
      response,
      200,
      Object.entries(files)
        .filter(([name]) => wanted.includes(name))
        .map(entry),
    );
  }
  const text = files[decodeURIComponent(path.join('/'))];
  if (text === undefined)
    return end(response, 404, { error: 'Entry not found' }, { 'X-Error-Code': 'EntryNotFound' });
  const bytes = Buffer.from(text);
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
  const part = from === undefined ? bytes : bytes.subarray(Number(from), to ? Number(to) + 1 : undefined);
  response.writeHead(from === undefined ? 200 : 206, {
    ETag: `"${oid(text)}"`,
    'Content-Length': String(part.length),
    'Accept-Ranges': 'bytes',
    ...(from === undefined
      ? {}
      : { 'Content-Range': `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}` }),
  });
  if (!cut || part.length < 2) return response.end(part);
  return response.write(part.subarray(0, part.length >> 1), () => response.destroy());
}

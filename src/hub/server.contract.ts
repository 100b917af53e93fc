import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Content = string | Uint8Array;
/** Repository → revision → path → content. */
export type Repositories = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, Content>>>>>
>;

export interface FakeHub {
  readonly url: string;
  /** Every request, as `GET /path`; those to the storage of large files begin with `GET /lfs/`. */
  readonly asked: string[];
  /** The Authorization headers that came, by whom they were sent to. */
  readonly credentials: { readonly hub: Set<string>; readonly storage: Set<string> };
  /** Decides what goes wrong with a request; null: nothing. `cut` hangs up half-way, `stall`
   * says no more from there, `wrong` sends other bytes than are listed. */
  fault: (request: IncomingMessage) => number | 'cut' | 'stall' | 'wrong' | null;
  /** What a model's revision holds now. */
  files(model: string, revision?: string): Readonly<Record<string, Uint8Array>>;
  /** As a model was created. */
  visibility(model: string): string | undefined;
  /** Lists files of that path with another size than they have. */
  resize(path: string, size: number): void;
  close(): Promise<void>;
}

interface Repository {
  readonly kind: 'models' | 'datasets';
  readonly id: string;
  readonly visibility?: string;
  /** Commit → files; a commit is named by what is in it. */
  readonly commits: Map<string, Map<string, Buffer>>;
  readonly refs: Map<string, string>;
}

const TOKEN = 'Bearer hf_good';

/** A real HTTP server that speaks what the hub's clients, ours and Python's, ask of the hub, on loopback; its large files come from
 * another origin, as they do on the hub. `gated/…` wants the token `hf_good`, and so does all that writes. */
export async function startHub(given: {
  readonly datasets?: Repositories;
  readonly models?: Repositories;
}): Promise<FakeHub> {
  const repositories = new Map<string, Repository>();
  for (const kind of ['datasets', 'models'] as const) {
    for (const [id, revisions] of Object.entries(given[kind] ?? {})) {
      const repository: Repository = { kind, id, commits: new Map(), refs: new Map() };
      repositories.set(`${kind}/${id}`, repository);
      for (const [revision, files] of Object.entries(revisions))
        commit(
          repository,
          revision,
          new Map(Object.entries(files).map(([path, of]) => [path, Buffer.from(of)])),
        );
    }
  }
  const sizes = new Map<string, number>();
  const large = new Map<string, Buffer>();
  for (const { commits } of repositories.values())
    for (const files of commits.values())
      for (const [path, bytes] of files) if (isLarge(path, bytes.length)) large.set(sha256(bytes), bytes);

  const hub = {
    asked: [],
    credentials: { hub: new Set(), storage: new Set() },
    fault: () => null,
    visibility: (model: string) => repositories.get(`models/${model}`)?.visibility,
    resize: (path: string, size: number) => sizes.set(path, size),
    files(model: string, revision = 'main') {
      const { refs, commits } = repositories.get(`models/${model}`) as Repository;
      return Object.fromEntries(commits.get(refs.get(revision) ?? '') ?? []);
    },
  } as unknown as FakeHub & { url: string };
  const server: Server = createServer((request, response) => {
    hub.asked.push(`${request.method} ${request.url}`);
    const { authorization } = request.headers;
    const storage = request.url?.startsWith('/lfs/');
    if (authorization) hub.credentials[storage ? 'storage' : 'hub'].add(authorization);
    const fault = hub.fault(request);
    if (typeof fault === 'number')
      return end(response, fault, { error: 'as the test wants it' }, { 'Retry-After': '0.01' });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () =>
      answer({ repositories, large, sizes, port }, request, response, Buffer.concat(chunks), fault),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  hub.url = `http://127.0.0.1:${port}`;
  hub.close = () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return hub;
}

const hash = (kind: 'sha1' | 'sha256', ...parts: Content[]) => {
  const digest = createHash(kind);
  for (const part of parts) digest.update(part);
  return digest.digest('hex');
};
const sha256 = (bytes: Uint8Array) => hash('sha256', bytes);
const blobId = (bytes: Uint8Array) => hash('sha1', `blob ${bytes.length}\0`, bytes);
const isLarge = (path: string, size: number) => /\.(?:safetensors|gguf|bin)$/.test(path) || size > 1e6;

function commit({ id, commits, refs }: Repository, ref: string, files: Map<string, Buffer>): string {
  const name = hash('sha1', id, ref, ...[...files].flatMap(([path, bytes]) => [path, new Uint8Array(bytes)]));
  commits.set(name, files);
  refs.set(ref, name);
  return name;
}

/** What a file in LFS is in git. */
const pointer = (bytes: Uint8Array) =>
  Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(bytes)}\nsize ${bytes.length}\n`,
  );

function entry([path, bytes]: [string, Buffer]) {
  const lfs = isLarge(path, bytes.length)
    ? { oid: sha256(bytes), size: bytes.length, pointerSize: pointer(bytes).length }
    : undefined;
  const oid = blobId(lfs ? pointer(bytes) : bytes);
  return { type: 'file', path, size: bytes.length, oid, ...(lfs ? { lfs } : {}) };
}

function end(
  response: ServerResponse,
  status: number,
  json: unknown,
  headers: Record<string, string> = {},
): ServerResponse {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  return response.end(JSON.stringify(json));
}

interface State {
  readonly repositories: Map<string, Repository>;
  readonly large: Map<string, Buffer>;
  readonly sizes: ReadonlyMap<string, number>;
  readonly port: number;
}

type Fault = ReturnType<FakeHub['fault']>;

function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  fault: Fault,
): unknown {
  const { repositories, large } = state;
  const { method = 'GET', headers } = request;
  const { pathname } = new URL(request.url ?? '/', 'http://hub');
  const stored = /^\/lfs\/(\w+)$/.exec(pathname)?.[1];
  if (stored !== undefined) {
    if (method === 'PUT') {
      if (sha256(body) !== stored) return end(response, 400, { error: 'other bytes than were announced' });
      large.set(stored, body);
      return end(response, 200, {});
    }
    return send(request, response, large.get(stored) as Buffer, { ETag: `"${stored}"` }, fault);
  }
  if (pathname === '/api/repos/create') {
    if (headers.authorization !== TOKEN)
      return end(response, 401, { error: 'Invalid username or password.' });
    const { organization, name, visibility } = JSON.parse(body.toString()) as Record<string, string>;
    const id = `${organization}/${name}`;
    if (repositories.has(`models/${id}`))
      return end(response, 409, { error: 'You already created this model repo' });
    repositories.set(`models/${id}`, {
      kind: 'models',
      id,
      ...(visibility === undefined ? {} : { visibility }),
      commits: new Map(),
      refs: new Map(),
    });
    return end(response, 200, { url: `http://hub/${id}`, id });
  }
  const [, kind = 'models', id, verb, rest = ''] =
    /^\/(?:api\/(?=\w))?(?:(models|datasets)\/)?([^/]+\/[^/]+?)(?:\/|\.git\/)(revision|tree|paths-info|resolve|preupload|commit|info)\/(.*)$/.exec(
      pathname,
    ) ?? [];
  const writes = ['preupload', 'commit', 'info'].includes(verb ?? '');
  if (id?.startsWith('gated/') && headers.authorization !== TOKEN)
    return end(response, headers.authorization ? 403 : 401, {
      error: `Access to ${kind === 'models' ? 'model' : 'dataset'} ${id} is restricted`,
    });
  if (writes && headers.authorization !== TOKEN)
    return end(response, 403, { error: 'You do not have write access' });
  const repository = repositories.get(`${kind}/${id}`);
  if (repository === undefined)
    return end(response, 404, { error: 'Repository not found' }, { 'X-Error-Code': 'RepoNotFound' });
  if (writes) return written(state, repository, verb as string, decodeURIComponent(rest), response, body);

  const invalid = () =>
    end(response, 404, { error: 'Invalid rev id' }, { 'X-Error-Code': 'RevisionNotFound' });
  const { refs, commits } = repository;
  if (verb === 'revision') {
    const name = decodeURIComponent(rest);
    const sha = refs.get(name) ?? (commits.has(name) ? name : undefined);
    if (sha === undefined) return invalid();
    const siblings = [...(commits.get(sha) as Map<string, Buffer>).keys()].map((rfilename) => ({
      rfilename,
    }));
    return end(response, 200, { _id: '1', id, sha, lastModified: '2026-01-01T00:00:00.000Z', siblings });
  }
  const [name = '', ...path] = rest.split('/');
  const revision = decodeURIComponent(name);
  const sha = refs.get(revision) ?? revision;
  const files = commits.get(sha);
  if (files === undefined) return invalid();
  if (verb === 'tree') {
    const resized = (one: ReturnType<typeof entry>) => ({
      ...one,
      size: state.sizes.get(one.path) ?? one.size,
    });
    return end(response, 200, [...files].map(entry).map(resized));
  }
  if (verb === 'paths-info') {
    const { paths } = JSON.parse(body.toString()) as { paths: string[] };
    return end(response, 200, [...files].filter(([name]) => paths.includes(name)).map(entry));
  }
  const wanted = decodeURIComponent(path.join('/'));
  const bytes = files.get(wanted);
  if (bytes === undefined)
    return end(response, 404, { error: 'Entry not found' }, { 'X-Error-Code': 'EntryNotFound' });
  const origin = { 'X-Repo-Commit': sha };
  if (!isLarge(wanted, bytes.length))
    return send(request, response, bytes, { ...origin, ETag: `"${blobId(bytes)}"` }, fault);
  const oid = sha256(bytes);
  response.writeHead(302, {
    ...origin,
    'X-Linked-Etag': `"${oid}"`,
    'X-Linked-Size': String(bytes.length),
    Location: `http://localhost:${state.port}/lfs/${oid}`,
  });
  return response.end();
}

function send(
  { headers, method }: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  own: Record<string, string>,
  fault: Fault,
): unknown {
  const bytes = fault === 'wrong' ? content.map((byte) => byte ^ 1) : content;
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(headers.range ?? '') ?? [];
  const part = from === undefined ? bytes : bytes.subarray(Number(from), to ? Number(to) + 1 : undefined);
  response.writeHead(from === undefined ? 200 : 206, {
    ...own,
    'Content-Length': String(part.length),
    'Accept-Ranges': 'bytes',
    ...(from === undefined
      ? {}
      : { 'Content-Range': `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}` }),
  });
  if (method === 'HEAD') return response.end();
  if ((fault !== 'cut' && fault !== 'stall') || part.length < 2) return response.end(part);
  return response.write(part.subarray(0, part.length >> 1), () => {
    if (fault === 'cut') response.destroy();
  });
}

/** The three requests of an upload: how each file is to come, where the large ones go, and the commit. */
function written(
  { large, port }: State,
  repository: Repository,
  verb: string,
  rest: string,
  response: ServerResponse,
  body: Buffer,
): unknown {
  const text = body.toString();
  if (verb === 'preupload') {
    const { files } = JSON.parse(text) as { files: { path: string; size: number }[] };
    return end(response, 200, {
      files: files.map(({ path, size }) => ({ path, uploadMode: isLarge(path, size) ? 'lfs' : 'regular' })),
    });
  }
  if (verb === 'info') {
    const { objects } = JSON.parse(text) as { objects: { oid: string; size: number }[] };
    return end(response, 200, {
      transfer: 'basic',
      objects: objects.map(({ oid, size }) => ({
        oid,
        size,
        ...(large.has(oid)
          ? {}
          : { actions: { upload: { href: `http://localhost:${port}/lfs/${oid}`, header: {} } } }),
      })),
    });
  }
  const before = repository.commits.get(repository.refs.get(rest) ?? '');
  const files = new Map(before);
  for (const line of text.split('\n')) {
    const { key, value } = JSON.parse(line) as { key: string; value: Record<string, string> };
    const { path = '', content = '', oid = '' } = value;
    if (key === 'file') files.set(path, Buffer.from(content, 'base64'));
    if (key === 'lfsFile') files.set(path, large.get(oid) as Buffer);
  }
  const commitOid = commit(repository, rest, files);
  return end(response, 200, { commitOid, commitUrl: `http://hub/${repository.id}/commit/${commitOid}` });
}

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';

/** What a job of the made-up cluster does: writes its log, and answers its exit code. */
export type Entrypoint = (
  submission: { readonly entrypoint: string; readonly submission_id: string; readonly runtime_env: Runtime },
  log: (text: string) => void,
  signal: AbortSignal,
) => Promise<number>;

interface Runtime {
  readonly working_dir?: string;
  readonly env_vars?: Readonly<Record<string, string>>;
}

interface Job {
  readonly submission: Parameters<Entrypoint>[0];
  status: 'PENDING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'STOPPED';
  message: string;
  error_type: string | null;
  driver_exit_code: number | null;
  log: string;
  readonly stop: AbortController;
  readonly watchers: Set<() => void>;
}

/** ok; down: connections are refused by closing them; hang: nothing is answered; starting: 500 to all but the version. */
export type Mood = 'ok' | 'down' | 'hang' | 'starting';

/** A made-up head of Ray 2.60: its Jobs API as it was seen to answer, its faults included. */
export class MadeUpHead {
  readonly #server: Server;
  readonly #run: Entrypoint;
  readonly #jobs = new Map<string, Job>();
  readonly packages = new Map<string, Buffer>();
  /** Of requests, as `POST /api/jobs/`. */
  readonly asked: string[] = [];
  /** Of jobs that were begun, duplicates not counted. */
  readonly submitted: string[] = [];
  readonly #sockets = new Set<Duplex>();
  token: string | undefined;
  mood: Mood = 'ok';
  version = '2.60.0';
  /** Called with each POST of a job, once it is begun and before it is answered. */
  onSubmit: (id: string) => void = () => {};
  /** Whether WebSockets get further than the handshake. */
  tails = true;
  /** Jobs of a head that was killed and has its memory: they count as running until somebody asks for more than their state. */
  readonly #stale = new Set<string>();

  private constructor(server: Server, run: Entrypoint) {
    this.#server = server;
    this.#run = run;
  }

  static async start(run: Entrypoint = async () => 0, token?: string): Promise<MadeUpHead> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const head = new MadeUpHead(server, run);
    head.token = token;
    server.on('request', (request, response) => void head.#answer(request, response));
    server.on('upgrade', (request, socket) => head.#upgrade(request, socket));
    server.on('connection', (socket) => {
      head.#sockets.add(socket);
      socket.on('close', () => head.#sockets.delete(socket));
    });
    return head;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  statusOf(id: string): Job['status'] | undefined {
    return this.#jobs.get(id)?.status;
  }

  /** Breaks all connections that there are. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Killed and started again, with what it knew or without. */
  restart({ memory }: { readonly memory: boolean }): void {
    this.cut();
    for (const [id, job] of this.#jobs) {
      if (job.status !== 'RUNNING' && job.status !== 'PENDING') continue;
      job.stop.abort();
      job.watchers.clear();
      if (memory) this.#stale.add(id);
    }
    if (memory) return;
    this.#jobs.clear();
    this.packages.clear();
  }

  async close(): Promise<void> {
    for (const { stop } of this.#jobs.values()) stop.abort();
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url as string).replace(/\?.*/, '');
    const method = request.method as string;
    this.asked.push(`${method} ${path}`);
    const body = await buffer(request).catch(() => Buffer.alloc(0));
    if (this.mood === 'down') return void request.socket.destroy();
    if (this.mood === 'hang') return;
    const say = (status: number, text: string | object = '') => {
      const json = typeof text === 'object';
      response.writeHead(status, { 'content-type': json ? 'application/json' : 'text/plain' });
      response.end(json ? JSON.stringify(text) : text);
    };
    const denied = this.#denied(request);
    if (denied)
      return say(
        denied,
        denied === 401
          ? 'Unauthorized: Missing authentication token'
          : 'Forbidden: Invalid authentication token',
      );
    // Ray takes a fetch for a browser's.
    if (method !== 'GET' && request.headers['sec-fetch-mode'])
      return say(405, `'${method}' method not allowed for browser traffic.`);
    if (path === '/api/version') return say(200, { version: '4', ray_version: this.version, ray_commit: '' });
    if (this.mood === 'starting')
      return say(500, 'Traceback (most recent call last):\nException: No available agent to submit job.\n');
    const [, name] = /^\/api\/packages\/gcs\/([\w.-]+\.zip)$/.exec(path) ?? [];
    if (name !== undefined) {
      if (method === 'PUT') this.packages.set(name, body);
      return this.packages.has(name) ? say(200) : say(404, `Package gcs://${name} does not exist`);
    }
    if (method === 'POST' && path === '/api/jobs/') return this.#submit(JSON.parse(body.toString()), say);
    const [, id = '', what] = /^\/api\/jobs\/([^/]+)(?:\/(logs|stop))?$/.exec(path) ?? [];
    const job = this.#jobs.get(id);
    if (job === undefined) return say(404, `Job ${id} does not exist`);
    if (what !== undefined || method === 'DELETE') this.#wake(id);
    if (what === 'logs') return say(200, { logs: job.log });
    const live = job.status === 'RUNNING' || job.status === 'PENDING';
    if (what === 'stop') {
      if (live) this.#end(job, { status: 'STOPPED', message: 'Job was intentionally stopped.' });
      return say(200, { stopped: live });
    }
    if (method === 'DELETE') {
      if (live)
        return say(500, 'Traceback (most recent call last):\nRuntimeError: not in a terminal state\n');
      this.#jobs.delete(id);
      return say(200, { deleted: true });
    }
    const { status, message, error_type, driver_exit_code, submission } = job;
    return say(200, {
      type: 'SUBMISSION',
      job_id: null,
      ...submission,
      status,
      message,
      error_type,
      driver_exit_code,
    });
  }

  #submit(submission: Job['submission'], say: (status: number, text: string | object) => void): void {
    const { submission_id: id, runtime_env } = submission;
    if (this.#jobs.has(id)) {
      say(
        500,
        `Traceback (most recent call last):\nValueError: Job with submission_id ${id} already exists. Please use a different submission_id.\n`,
      );
      return;
    }
    const job: Job = {
      submission,
      status: 'PENDING',
      message: 'Job has not started yet.',
      error_type: null,
      driver_exit_code: null,
      log: '',
      stop: new AbortController(),
      watchers: new Set(),
    };
    this.#jobs.set(id, job);
    this.submitted.push(id);
    this.onSubmit(id);
    say(200, { job_id: id, submission_id: id });
    void this.#start(job, runtime_env);
  }

  async #start(job: Job, { working_dir }: Runtime): Promise<void> {
    const { signal } = job.stop;
    if (working_dir !== undefined && !this.packages.has(working_dir.replace('gcs://', ''))) {
      const message = 'runtime_env setup failed: Failed to download runtime_env file package';
      return this.#end(job, { status: 'FAILED', message, error_type: 'RUNTIME_ENV_SETUP_FAILURE' });
    }
    job.status = 'RUNNING';
    const log = (text: string) => {
      if (signal.aborted) return;
      job.log += text;
      for (const watch of job.watchers) watch();
    };
    log(`Running entrypoint for job ${job.submission.submission_id}: ${job.submission.entrypoint}\n`);
    const code = await this.#run(job.submission, log, signal).catch((error) => {
      log(`${(error as Error).stack}\n`);
      return 1;
    });
    if (signal.aborted) return;
    if (code === 0)
      this.#end(job, { status: 'SUCCEEDED', message: 'Job finished successfully.', driver_exit_code: 0 });
    else
      this.#end(job, {
        status: 'FAILED',
        message: `Job entrypoint command failed with exit code ${code}, last available logs (truncated to 20,000 chars):\n${job.log.slice(-20_000)}`,
        error_type: 'JOB_ENTRYPOINT_COMMAND_ERROR',
        driver_exit_code: code,
      });
  }

  #end(job: Job, how: Partial<Job>): void {
    Object.assign(job, how);
    job.stop.abort();
    for (const watch of job.watchers) watch();
  }

  #wake(id: string): void {
    const job = this.#jobs.get(id);
    if (!job || !this.#stale.delete(id)) return;
    const message = `Job supervisor actor failed to start: ${id}`;
    this.#end(job, { status: 'FAILED', message, error_type: 'JOB_SUPERVISOR_ACTOR_START_FAILURE' });
  }

  #denied(request: IncomingMessage): 401 | 403 | null {
    if (this.token === undefined) return null;
    const { authorization } = request.headers;
    if (authorization === undefined) return 401;
    return authorization === `Bearer ${this.token}` ? null : 403;
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    this.asked.push(`WS ${request.url}`);
    socket.on('error', () => {});
    if (this.mood === 'hang') return;
    const [, id = ''] = /^\/api\/jobs\/([^/]+)\/logs\/tail$/.exec(request.url as string) ?? [];
    const job = this.#jobs.get(id);
    const refused = this.mood === 'ok' && this.tails ? (this.#denied(request) ?? (job ? null : 404)) : 500;
    if (refused || !job) return void socket.end(`HTTP/1.1 ${refused} No\r\ncontent-length: 0\r\n\r\n`);
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    // To one that offers compression it sends nothing.
    const mute = request.headers['sec-websocket-extensions'] !== undefined;
    let sent = 0;
    const watch = () => {
      if (!mute && job.log.length > sent) socket.write(frame(job.log.slice(sent)));
      sent = job.log.length;
      if (job.status === 'RUNNING' || job.status === 'PENDING' || this.#stale.has(id)) return;
      socket.write(Buffer.from([0x88, 2, 0x03, 0xe8]));
      job.watchers.delete(watch);
    };
    job.watchers.add(watch);
    socket.on('close', () => job.watchers.delete(watch));
    // The other side's closing frame.
    socket.on('data', (bytes: Buffer) => (bytes[0] as number) === 0x88 && socket.end());
    watch();
  }
}

/** A text frame of a WebSocket (RFC 6455), from a server and so without a mask. */
function frame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(bytes.length < 126 ? 2 : bytes.length < 65_536 ? 4 : 10);
  head[0] = 0x81;
  if (head.length === 2) head[1] = bytes.length;
  else if (head.length === 4) {
    head[1] = 126;
    head.writeUInt16BE(bytes.length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(bytes.length), 2);
  }
  return Buffer.concat([head, bytes]);
}

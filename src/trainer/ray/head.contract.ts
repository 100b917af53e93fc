import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Of starting it. */
const MOST_ATTEMPTS = 5;

export interface HeadOptions {
  /** Keep what it knows in memory only, and not on disk. */
  readonly memory?: boolean;
  /** For its jobs. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A real Ray head on loopback, which asks for a token, for suites that have Ray. */
export class RayHead {
  readonly #bin: string;
  readonly #folder: string;
  readonly #ports: readonly number[];
  readonly #env: NodeJS.ProcessEnv;
  readonly token = 'a-token-of-a-head-on-loopback';

  private constructor(
    bin: string,
    folder: string,
    ports: readonly number[],
    { memory = false, env = {} }: HeadOptions,
  ) {
    this.#bin = bin;
    this.#folder = folder;
    this.#ports = ports;
    this.#env = {
      ...env,
      PATH: `${bin}:${process.env.PATH}`,
      HOME: folder,
      // Without it the machine's own address takes the place of 127.0.0.1.
      RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER: '0',
      RAY_USAGE_STATS_ENABLED: '0',
      // On a busy machine a node takes longer to begin than Ray waits by itself.
      RAY_raylet_start_wait_time_s: '60',
      RAY_AUTH_MODE: 'token',
      RAY_AUTH_TOKEN_PATH: join(folder, 'token'),
      ...(memory ? {} : { RAY_gcs_storage: 'rocksdb', RAY_gcs_storage_path: join(folder, 'gcs') }),
    };
  }

  /** `bin`: the folder of an environment's `ray` and `python`. */
  static async start(bin: string, options: HeadOptions = {}): Promise<RayHead> {
    // Ray's sockets lie below it, and the kernel takes 107 bytes for their path.
    const folder = await mkdtemp(join(tmpdir(), 'ray-'));
    const head = new RayHead(bin, folder, await freePorts(5), options);
    await writeFile(join(folder, 'token'), head.token, { mode: 0o600 });
    try {
      await head.start();
    } catch (error) {
      await head.close();
      throw error;
    }
    return head;
  }

  get address(): string {
    return `http://127.0.0.1:${this.#ports[1]}`;
  }

  get python(): string {
    return join(this.#bin, 'python');
  }

  /** Again, where it was killed. */
  async start(): Promise<void> {
    const [gcs, dashboard, agent, metrics, client] = this.#ports;
    const flags = {
      'node-ip-address': '127.0.0.1',
      port: gcs,
      'dashboard-host': '127.0.0.1',
      'dashboard-port': dashboard,
      'dashboard-agent-listen-port': agent,
      'metrics-export-port': metrics,
      'ray-client-server-port': client,
      'num-cpus': 4,
      'num-gpus': 0,
      'object-store-memory': 100_000_000,
      'include-dashboard': true,
      'temp-dir': join(this.#folder, 't'),
    };
    const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    for (let attempt = 1; ; attempt++) {
      try {
        await promisify(execFile)(
          join(this.#bin, 'ray'),
          ['start', '--head', '--disable-usage-stats', ...given],
          {
            env: this.#env,
          },
        );
        return;
      } catch (error) {
        await this.kill();
        // A node gives its agents 15 s to begin, and ends where they take longer: no setting changes that.
        if (attempt === MOST_ATTEMPTS) throw error;
      }
    }
  }

  /** What runs of it, jobs included. */
  processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => pid !== process.pid && touches(pid, this.#folder));
  }

  /** SIGKILL to all of it at once. */
  async kill(): Promise<void> {
    // Its watchers and agents may start something in between.
    for (let pids = this.processes(); pids.length > 0; pids = this.processes()) {
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended by itself.
        }
      }
      await sleep(100);
    }
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The folder of an environment's `ray`: the one that EVALPLANNER_RAY names, or that of this interpreter; null where it has none. */
export function rayBin(python: string | null): string | null {
  const bin = process.env.EVALPLANNER_RAY ?? (python === null ? null : dirname(python));
  return bin !== null && existsSync(join(bin, 'ray')) ? bin : null;
}

/** By its command line, or what it has open: Ray's agents overwrite their environment. */
function touches(pid: number, folder: string): boolean {
  const within = (text: string) => text.includes(`${folder}/`);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    if (/\) Z /.test(stat)) return false;
    if (within(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))) return true;
    if (within(readFileSync(`/proc/${pid}/environ`, 'latin1'))) return true;
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return within(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

import { spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Together } from 'together-ai';
import { EvalPlannerError } from '../../errors.ts';
import { writeAtomically } from '../../files.ts';
import { isModelFile, isWhole } from '../../model/local/hub.ts';
import { unzstd } from '../../rows/zstd.ts';
import { mayPass, type Service } from './client.ts';
import { pause } from './pause.ts';
import { ORIGIN, type Origin, otherShape, readOrigin, type Start } from './start.ts';

/** Tries of a download whose connection breaks. */
const TRIES = 5;

/** Fetches a checkpoint of a job into a folder that appears as a whole or not at all, with where it is from beside it; one that is
 * there already is left as it is. `room` is asked before it is written, with the archive's bytes where they are told. Throws
 * EvalPlannerError. */
export async function fetchCheckpoint(
  service: Service,
  origin: Origin,
  query: Omit<Together.FineTuningContentParams, 'ft_id'>,
  {
    folder,
    start,
    room,
    poll,
    signal,
  }: {
    readonly folder: string;
    readonly start: Start;
    readonly room: (bytes: number) => Promise<void>;
    readonly poll: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const known = await readOrigin(folder).catch(() => null);
  if (known?.job === origin.job && known.step === origin.step && (await isWhole(folder))) return;
  const draft = join(dirname(folder), `.${basename(folder)}.draft`);
  const unpacked = `${draft}-archive`;
  const drop = () =>
    Promise.all([draft, unpacked].map((place) => rm(place, { recursive: true, force: true })));
  const what = `the weights of ${origin.job} at step ${origin.step}`;
  try {
    for (let tries = 1; ; tries++)
      try {
        await drop();
        await mkdir(unpacked);
        const answer = await service.api.fineTuning.content(
          { ft_id: origin.job, ...query },
          { maxRetries: 0, ...(signal ? { signal } : {}) },
        );
        await room(Number(answer.headers.get('content-length') ?? 0));
        await unpack(answer, unpacked, signal);
        break;
      } catch (error) {
        signal?.throwIfAborted();
        const passes = error instanceof Broken || mayPass(error);
        if (!passes || tries === TRIES) throw service.failure(error, what);
        await pause(poll * tries, signal);
      }
    await mkdir(draft);
    await gather(unpacked, draft, what);
    await beside(draft, start);
    const other = await otherShape(start.folder, draft);
    if (other !== null)
      throw new EvalPlannerError(
        'model',
        `${what} are of another model than ${start.folder}: ${other}`,
        'trainer.model has to name the very model that models.judge is',
      );
    await writeAtomically(join(draft, ORIGIN), `${JSON.stringify(origin, null, 2)}\n`);
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  } finally {
    await drop();
  }
}

/** An archive that ended too early. */
class Broken extends EvalPlannerError {}

/** The members of an archive, compressed by zstd as documented or by gzip as its client also takes, by the system's tar: bsdtar and GNU
 * tar keep hostile names inside the folder. */
async function unpack(answer: Response, folder: string, signal: AbortSignal | undefined): Promise<void> {
  const gzip = /gzip|x-tar/i.test(answer.headers.get('content-type') ?? '');
  const body = Readable.fromWeb(answer.body as ReadableStream<Uint8Array>);
  const tar = spawn('tar', [gzip ? '-xzf' : '-xf', '-', '-C', folder], { stdio: ['pipe', 'ignore', 'pipe'] });
  const said: Buffer[] = [];
  tar.stderr.on('data', (piece: Buffer) => said.push(piece));
  const closed = new Promise<number | null>((resolve, reject) => {
    tar.once('error', reject);
    tar.once('close', resolve);
  });
  closed.catch(() => {});
  let broken: unknown;
  try {
    await pipeline(gzip ? body : unzstd(body), tar.stdin, signal ? { signal } : {});
  } catch (error) {
    broken = error;
    tar.stdin.destroy();
    tar.kill('SIGKILL');
  }
  let code: number | null;
  try {
    code = await closed;
  } catch (error) {
    throw new EvalPlannerError(
      'usage',
      `tar, which unpacks what together.ai gives, cannot be run: ${(error as Error).message}`,
      'install tar, and run the same command again: the training is not done again',
      error,
    );
  }
  const told = Buffer.concat(said).toString('utf8').trim().split('\n')[0] ?? '';
  if (/No space left|Disk quota/i.test(told) || (broken as NodeJS.ErrnoException)?.code === 'ENOSPC')
    throw new EvalPlannerError(
      'disk',
      `there is no room for the weights in ${folder}: ${told}`,
      'free some space there, and run the same command again: the training is not done again',
    );
  if (broken !== undefined || code !== 0)
    throw new Broken(
      'network',
      `an archive of together.ai ended early or is damaged: ${told || (broken as Error)?.message || `tar ended with ${code}`}`,
      'run the same command again: the training is not done again',
      broken,
    );
}

/** The files of the model out of an archive, which may have it in a folder. */
async function gather(archive: string, to: string, what: string): Promise<void> {
  const entries = await readdir(archive, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const config = files
    .filter(({ name }) => name === 'config.json')
    .sort((a, b) => a.parentPath.length - b.parentPath.length)[0];
  const own = files.filter(({ parentPath, name }) => parentPath === config?.parentPath && isModelFile(name));
  for (const { parentPath, name } of own) await rename(join(parentPath, name), join(to, name));
  if (config !== undefined && (await isWhole(to))) return;
  const names = files.map(({ name }) => name.replace(/[^\w.-]/g, '?')).slice(0, 8);
  throw new EvalPlannerError(
    'model',
    `${what} are no whole checkpoint with safetensors: the archive holds ${names.join(', ') || 'nothing'}`,
    files.some(({ name }) => name === 'adapter_config.json')
      ? 'it is an adapter: train all weights (leave lora out), or download and merge it yourself'
      : 'download them there, and convert them by save_pretrained of transformers',
  );
}

/** What an archive may lack of a tokenizer is the start's: training does not change it. */
async function beside(folder: string, { folder: start, files }: Start): Promise<void> {
  const there = await readdir(folder);
  if (there.includes('tokenizer.json')) return;
  for (const name of Object.keys(files)) await copyFile(join(start, name), join(folder, name));
}

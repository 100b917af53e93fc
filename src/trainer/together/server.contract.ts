import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { zstdCompressSync } from 'node:zlib';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import type { Together } from 'together-ai';

// Its module for import is broken: it looks for a require that modules have not.
const { checkFile } = createRequire(import.meta.url)(
  'together-ai/lib/check-file.js',
) as typeof import('together-ai/lib/check-file.js');

type Create = Together.FineTuningCreateParams;
type Status = Together.FinetuneResponse['status'];

export const KEY = 'tgp_v1_canary-4f1d9a7be2c84653';

/** What happens to a request: an answer in place of the service's; nothing comes back; or nothing, after it was done. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: object }
  | 'cut'
  | 'cut when done';

interface Job {
  readonly id: string;
  readonly asked: Create;
  readonly created_at: string;
  readonly rows: number;
  readonly digest: string;
  status: Status;
  step: number;
}

interface Stored {
  readonly name: string;
  readonly type: string;
  bytes: Buffer;
  report?: Together.FileResponse.ValidationReport;
}

/** A made-up together.ai, from the types of its npm package and its documentation: nobody has held it against the real one. Its
 * files are checked by the package's own checks; a job takes a step each time that its metrics are asked for. */
export class MadeUpTogether {
  readonly requests: string[] = [];
  readonly jobs: Job[] = [];
  readonly files = new Map<string, Stored>();
  /** The first that matches `METHOD /path` of a request is taken, once. */
  readonly faults: (readonly [match: RegExp, fault: Fault])[] = [];
  estimate: Together.FineTuningEstimatePriceResponse = {
    estimation_available: true,
    allowed_to_proceed: true,
    estimated_total_price: 4.5,
    estimated_train_token_count: 1000,
  };
  limits: Partial<Together.FinetuneModelLimits> = {};
  /** The folder of the weights that it starts from. */
  model: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'evalplanner-together-'));
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  private constructor(model: string) {
    this.model = model;
  }

  static async start(model: string): Promise<MadeUpTogether> {
    const made = new MadeUpTogether(model);
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** The jobs that cost money: those that took a step. */
  get trained(): readonly Job[] {
    return this.jobs.filter(({ step }) => step > 0);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url as string, this.baseUrl);
    const what = `${request.method} ${pathname}`;
    this.requests.push(what);
    const at = this.faults.findIndex(([match]) => match.test(what));
    const fault = at < 0 ? undefined : (this.faults.splice(at, 1)[0] as readonly [RegExp, Fault])[1];
    if (fault === 'cut') {
      // In the middle of what it sends.
      request.once('data', () => request.socket.destroy());
      if (request.headers['content-length'] === undefined) request.socket.destroy();
      return;
    }
    const body = await buffer(request).catch(() => Buffer.alloc(0));
    // What it refuses it has not done; where it breaks, it may have.
    const refused = typeof fault === 'object' && fault.status >= 400 && fault.status < 500;
    let { status, headers, said } = refused
      ? error(fault.status, '')
      : await this.#done(request, pathname, searchParams, body).catch((cause: unknown) =>
          error(500, String(cause)),
        );
    if (fault === 'cut when done') return void request.socket.destroy();
    if (fault !== undefined) {
      status = fault.status;
      headers = { 'retry-after-ms': '1', ...fault.headers };
      said = fault.body ?? { error: { message: `made up, for ${request.headers.authorization}` } };
    }
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(Buffer.isBuffer(said) ? said : JSON.stringify(said));
  }

  async #done(request: IncomingMessage, path: string, query: URLSearchParams, body: Buffer): Promise<Answer> {
    const [, place, id, part] =
      /^(?:\/v1)?\/(fine-tunes|finetune|files|store)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(path) ?? [];
    const what = `${request.method} ${place}${id === undefined ? '' : '/ID'}${part === undefined ? '' : `/${part}`}`;
    if (place === 'store') {
      // Another host, which the key is not for.
      const length = Number(request.headers['content-length']);
      if (request.headers.authorization !== undefined || !(length > 0)) return error(400, 'no such upload');
      (this.files.get(id as string) as Stored).bytes = body;
      return ok({});
    }
    if (request.headers.authorization !== `Bearer ${KEY}`)
      return error(401, `${request.headers.authorization}?`);
    if (path.endsWith('/models/limits'))
      return query.get('model_name') === 'made/Up-1B' ? ok(this.#limits()) : error(404, 'no such model');
    if (path.endsWith('/estimate-price')) return ok(this.estimate);
    const job = this.jobs.find((one) => one.id === (query.get('ft_id') ?? id));
    switch (what) {
      case 'POST files': {
        const file = `file-${this.files.size + 1}`;
        const form = new URLSearchParams(body.toString());
        this.files.set(file, {
          name: form.get('file_name') as string,
          type: form.get('file_type') as string,
          bytes: Buffer.alloc(0),
        });
        const location = `${new URL(this.baseUrl).origin}/store/${file}`;
        return { status: 302, headers: { location, 'x-together-file-id': file }, said: {} };
      }
      case 'POST files/ID/preprocess':
        return ok({ ...this.#file(id as string), processing_status: 'QUEUED' });
      case 'GET files/ID': {
        const stored = this.files.get(id as string) as Stored;
        stored.report ??= await this.#check(stored);
        return ok(this.#file(id as string));
      }
      case 'GET fine-tunes':
        return ok({
          data: this.jobs.map((one) => this.#told(one)),
        } satisfies Together.FineTuningListResponse);
      case 'POST fine-tunes':
        return await this.#create(JSON.parse(body.toString()) as Create);
    }
    if (!job) return error(404, `no such job: ${what}`);
    switch (what) {
      case 'GET fine-tunes/ID':
        return ok(this.#told(job));
      case 'GET fine-tunes/ID/metrics':
        return ok({ metrics: this.#metrics(job, Number(query.get('global_step_from') ?? 1)) });
      case 'GET fine-tunes/ID/checkpoints':
        return ok({
          data: kept(job).map((step) => checkpoint(job, step)),
        } satisfies Together.FineTuningListCheckpointsResponse);
      case 'POST fine-tunes/ID/cancel':
        if (['completed', 'error', 'cancelled'].includes(job.status)) return error(400, 'it is over');
        job.status = 'cancelled';
        return ok(this.#told(job));
      case 'GET finetune/ID':
        return ok(this.#archive(job, Number(query.get('checkpoint_step') ?? stepsOf(job))));
    }
    return error(404, what);
  }

  #limits(): Together.FinetuneModelLimits {
    const most = { min_batch_size: 1, max_batch_size: 64, max_batch_size_dpo: 32 };
    return {
      model_name: 'made/Up-1B',
      default_gradient_accumulation_steps: 1,
      lora_training: { ...most, max_rank: 64, target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'] },
      full_training: most,
      min_learning_rate: 1e-8,
      max_learning_rate: 1e-2,
      max_num_checkpoints: 10,
      max_num_epochs: 20,
      max_num_evals: 0,
      max_seq_length_dpo: 4096,
      max_seq_length_sft: 8192,
      min_max_seq_length: 32,
      merge_output_lora: true,
      supports_full_training: true,
      supports_reasoning: false,
      supports_tools: false,
      supports_vision: false,
      ...this.limits,
    };
  }

  #file(id: string): Together.FileResponse {
    const { name, type, bytes, report } = this.files.get(id) as Stored;
    return {
      id,
      bytes: bytes.length,
      created_at: 1,
      filename: name,
      FileType: type as 'jsonl',
      object: 'file',
      Processed: true,
      purpose: 'fine-tune',
      ...(report
        ? { processing_status: report.valid ? 'COMPLETED' : 'INVALID_FORMAT', validation_report: report }
        : {}),
    };
  }

  /** Texts by the package's own check, tokens by the columns that are documented. */
  async #check({ name, type, bytes }: Stored): Promise<Together.FileResponse.ValidationReport> {
    const path = join(this.#folder, name);
    writeFileSync(path, bytes);
    if (type === 'jsonl') {
      const { is_check_passed: valid, message } = await checkFile(path, 'fine-tune');
      return valid ? { valid } : { valid, error: message };
    }
    const rows = await tokensIn(path);
    const width = rows[0]?.input_ids.length;
    const valid = rows.every((row) =>
      [row.input_ids, row.attention_mask, row.labels].every((list) => list.length === width),
    );
    return valid ? { valid } : { valid, error: 'rows of other lengths' };
  }

  async #create(asked: Create): Promise<Answer> {
    const file = this.files.get(asked.training_file);
    if (!file?.report?.valid) return error(400, 'no such training file');
    const unknown = Object.keys(asked).find((name) => !KNOWN.has(name));
    if (unknown !== undefined) return error(422, `unknown field ${unknown}`);
    if ((asked.suffix?.length ?? 0) > 64) return error(422, 'the suffix is too long');
    if (asked.from_checkpoint !== undefined && !this.#from(asked.from_checkpoint))
      return error(400, 'no such checkpoint');
    const rows =
      file.type === 'jsonl'
        ? file.bytes.toString().trim().split('\n').length
        : (await tokensIn(join(this.#folder, file.name))).length;
    const { training_file: _, suffix: __, ...how } = asked;
    const digest = createHash('sha256').update(file.bytes).update(JSON.stringify(how)).digest('hex');
    const id = `ft-${this.jobs.length + 1}`;
    const created_at = new Date(1e12 + this.jobs.length).toISOString();
    const job: Job = { id, asked, created_at, rows, digest, status: 'pending', step: 0 };
    this.jobs.push(job);
    return ok(this.#told(job));
  }

  #from(name: string): { job: Job; step: number } | null {
    const [, id, step] = /^(ft-\d+)(?::(\d+))?$/.exec(name) ?? [];
    const job = this.jobs.find((one) => one.id === id && one.status === 'completed');
    return job ? { job, step: Number(step ?? stepsOf(job)) } : null;
  }

  #told({
    id,
    asked,
    created_at,
    status,
  }: Job): Together.FineTuningListResponse.Data & Together.FinetuneResponse {
    const events: Together.FinetuneEvent[] =
      status === 'error'
        ? [
            {
              object: 'fine-tune-event',
              type: 'job_error',
              message: `out of memory, said ${KEY}`,
              created_at,
            },
          ]
        : [];
    return {
      id,
      status,
      created_at,
      updated_at: created_at,
      user_id: 'user',
      model: asked.model,
      model_output_name: `me/Up-1B-${asked.suffix}-0a1b2c`,
      events,
    };
  }

  /** Goes on by a step. */
  #metrics(job: Job, from: number): Record<string, number>[] {
    if (job.status === 'pending') job.status = 'running';
    if (job.status === 'running') job.step++;
    const steps = Array.from({ length: job.step }, (_, i) => i + 1);
    if (job.step === stepsOf(job)) job.status = 'completed';
    return steps
      .filter((step) => step >= from)
      .map((step) => ({
        timestamp: 1.7e18 + step * 1e9,
        'train/global_step': step,
        'train/epoch': step / stepsOf(job),
        'train/loss': 2 / step + Number(`0x${job.digest.slice(0, 6)}`) / 2 ** 24,
        'train/grad_norm': 1 / step,
        'train/learning_rate': job.asked.learning_rate as number,
      }));
  }

  /** The start's files, its weights a little changed by what was trained on. */
  #archive(job: Job, step: number): Buffer {
    const place = join(this.#folder, `${job.id}-${step}`);
    mkdirSync(join(place, 'model'), { recursive: true });
    cpSync(this.model, join(place, 'model'), { recursive: true });
    const weights = join(place, 'model/model.safetensors');
    const bytes = readFileSync(weights);
    const from = job.asked.from_checkpoint ?? '';
    const digest = createHash('sha256').update(`${job.digest} ${step} ${from}`).digest();
    for (let i = 0; i < 8; i++) bytes.writeFloatLE((digest[i] as number) / 2560, bytes.length - 32 + 4 * i);
    writeFileSync(weights, bytes);
    writeFileSync(join(place, 'readme.txt'), 'not of the model');
    const tar = execFileSync('tar', ['-cf', '-', '-C', place, '.'], { maxBuffer: 2 ** 28 });
    rmSync(place, { recursive: true });
    return zstdCompressSync(tar);
  }
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly said: object;
}

const ok = (said: object): Answer => ({ status: 200, said });
const error = (status: number, message: string): Answer => ({ status, said: { error: { message } } });

const KNOWN: ReadonlySet<string> = new Set<keyof Create>([
  'model',
  'training_file',
  'batch_size',
  'from_checkpoint',
  'gradient_accumulation_steps',
  'learning_rate',
  'lr_scheduler',
  'max_grad_norm',
  'max_seq_length',
  'n_checkpoints',
  'n_epochs',
  'n_evals',
  'packing',
  'random_seed',
  'suffix',
  'training_method',
  'training_type',
  'warmup_ratio',
  'weight_decay',
]);

export const stepsOf = ({ asked, rows }: Pick<Job, 'asked' | 'rows'>): number =>
  (asked.n_epochs as number) * Math.ceil(rows / (asked.batch_size as number));

function kept(job: Job): number[] {
  const count = job.asked.n_checkpoints as number;
  return Array.from({ length: count }, (_, i) => Math.round(((i + 1) * stepsOf(job)) / count));
}

const checkpoint = (job: Job, step: number): Together.FineTuningListCheckpointsResponse.Data => ({
  checkpoint_type: step === stepsOf(job) ? 'Final' : `Intermediate, step ${step}`,
  created_at: job.created_at,
  path: `s3://${job.id}/${step}`,
  step,
});

/** The rows of an uploaded file of tokens. */
export async function tokensIn(
  path: string,
): Promise<{ input_ids: number[]; attention_mask: number[]; labels: number[] }[]> {
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path) });
  return rows as { input_ids: number[]; attention_mask: number[]; labels: number[] }[];
}

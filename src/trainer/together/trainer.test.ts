import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { EvalPlannerError } from '../../errors.ts';
import type { TrainJob } from '../../trainer.ts';
import { OPTIMISATION } from '../start.contract.ts';
import { readTokenRows } from '../token-rows.ts';
import { contractJob, type Kind } from '../trainer.contract.ts';
import { KEY, MadeUpTogether, tokensIn } from './server.contract.ts';
import { openStart } from './start.ts';
import { asMessages, writeChatStart } from './together.contract.ts';
import { type TogetherOptions, TogetherTrainer } from './trainer.ts';

vi.stubEnv('TOGETHER_API_KEY', KEY);

let folder: string;
let model: string;
let server: MadeUpTogether;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-together-test-'));
  model = join(folder, 'M0');
  await writeChatStart(model);
});
beforeEach(async () => {
  server?.close();
  server = await MadeUpTogether.start(model);
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const optimisation = { ...OPTIMISATION, checkpoints: 1, epochs: 1 };
const trainer = (more: Partial<TogetherOptions> = {}) =>
  new TogetherTrainer({ model: 'made/Up-1B', base: model, baseUrl: server.baseUrl, poll: 1, ...more });
let jobs = 0;
/** Of another folder each time, and of one key where `more` is the same. */
const jobOf = async (kind: Kind, more: object = {}): Promise<TrainJob> =>
  ({
    ...(await contractJob(folder, `job-${jobs++}`, kind, { model, optimisation, row: asMessages })),
    ...more,
  }) as TrainJob;
const failure = (job: TrainJob, more?: Partial<TogetherOptions>): Promise<EvalPlannerError> =>
  trainer(more)
    .train(job)
    .then(
      () => expect.unreachable(),
      (error: unknown) => error as EvalPlannerError,
    );
const asked = (index = 0) => server.jobs[index]?.asked;

test('SFT is sent as the token ids and masks that every trainer has', async () => {
  const job = await jobOf('sft');
  const notes: string[] = [];
  const { checkpoints, steps, dropped } = await trainer().train(job, undefined, undefined, (note) =>
    notes.push(note),
  );
  const path = join(folder, 'sent.parquet');
  const [file] = [...server.files.values()];
  expect(file?.type).toBe('parquet');
  writeFileSync(path, file?.bytes as Buffer);
  const { tokenizer, files, eos } = await openStart(model);
  const { sequences } = await readTokenRows(job, { tokenizer, files, eos, maxLength: 64 });
  const rows = await tokensIn(path);
  expect(rows).toHaveLength(sequences.length);
  for (const [i, { ids, start }] of sequences.entries()) {
    const { input_ids, attention_mask, labels } = rows[i]!;
    expect(input_ids.slice(0, ids.length)).toEqual([...ids]);
    expect(attention_mask).toEqual(input_ids.map((_, at) => (at < ids.length ? 1 : 0)));
    expect(labels).toEqual(input_ids.map((_, at) => (at < start || at >= ids.length ? -100 : ids[at])));
  }
  expect(asked()).toMatchObject({
    model: 'made/Up-1B',
    suffix: `evalplanner-${job.key}`,
    learning_rate: 3e-3,
    lr_scheduler: { lr_scheduler_type: 'cosine', lr_scheduler_args: { min_lr_ratio: 0, num_cycles: 0.5 } },
    warmup_ratio: 1 / 4,
    weight_decay: 0.1,
    max_grad_norm: 1,
    n_epochs: 1,
    batch_size: 4,
    gradient_accumulation_steps: 1,
    packing: false,
    random_seed: 5,
    n_checkpoints: 1,
    training_method: { method: 'sft' },
    training_type: { type: 'Full' },
  });
  expect([checkpoints, dropped]).toEqual([[join(job.out, 'step-4')], 0]);
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
  expect(readdirSync(checkpoints[0] as string).sort()).toEqual([
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'together.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  expect(notes).toContain('together.ai estimates $4.5 for this training of 1,000 tokens');
  // The key is nowhere, and what was sent is not left behind.
  for (const name of readdirSync(job.out, { recursive: true, encoding: 'utf8' })) {
    expect(name).not.toMatch(/parquet|jsonl\b(?<!steps\.jsonl)|draft/);
    if (statSync(join(job.out, name)).isFile())
      expect(readFileSync(join(job.out, name)).includes(KEY)).toBe(false);
  }
});

test('DPO is sent as preferences between messages, with its beta and the weight of its NLL', async () => {
  const job = await jobOf('dpo', { optimisation: { ...optimisation, lora: LORA } });
  await trainer({ suffix: 'mine' }).train(job);
  const [file] = [...server.files.values()];
  const [first] = (file?.bytes.toString() ?? '').split('\n').map((line) => JSON.parse(line || 'null'));
  const { prompt, chosen, rejected } = JSON.parse(readFileSync(job.rows, 'utf8').split('\n')[0] as string);
  expect(first).toEqual({
    input: { messages: prompt },
    preferred_output: chosen,
    non_preferred_output: rejected,
  });
  expect(asked()).toMatchObject({
    suffix: `mine-${job.key}`,
    training_method: { method: 'dpo', dpo_beta: 0.1, rpo_alpha: 0.5 },
    training_type: { type: 'Lora', lora_r: 4, lora_alpha: 8, lora_trainable_modules: 'q_proj,v_proj' },
  });
});

const LORA = { rank: 4, alpha: 8, targets: ['q_proj', 'v_proj'], merge: true };

test('of preferences twice the length is asked for, and what may be cut is told', async () => {
  const notes: string[] = [];
  const train = async () =>
    trainer().train(await jobOf('dpo', { key: `${jobs}` }), undefined, undefined, (note) => notes.push(note));
  await train();
  expect(asked()?.max_seq_length).toBe(128);
  expect(notes.join()).not.toContain('cut');
  server.limits = { max_seq_length_dpo: 40 };
  await train();
  expect(asked(1)?.max_seq_length).toBe(40);
  expect(notes.join()).toMatch(
    /longest row has \d+ tokens: of preferences the service may take half of its 40/,
  );
});

test('SFT as conversations, which the service tokenises', async () => {
  await trainer({ rows: 'messages' }).train(await jobOf('sft'));
  const [file] = [...server.files.values()];
  expect(file?.type).toBe('jsonl');
  expect(file?.bytes.toString()).toMatch(/^\{"messages":\[\{"role":"user",.*\{"role":"assistant"/);
});

const change = (more: object) => ({ optimisation: { ...optimisation, ...more } });
test.each<[RegExp, Kind, object]>([
  [/verdictWeight 3/, 'sft', { verdictWeight: 3 }],
  [/optimiser\.betas 0\.9, 0\.999/, 'sft', change({ betas: [0.9, 0.999] })],
  [/lora without merge/, 'sft', change({ lora: { ...LORA, merge: false } })],
  [/optimiser\.checkpoints 2 with lora/, 'dpo', change({ lora: LORA, checkpoints: 2 })],
])('%s is refused before anything is sent', async (message, kind, more) => {
  const job = await jobOf(kind, more);
  const error = await failure(job);
  expect(error).toMatchObject({ code: 'usage', message: expect.stringMatching(message) });
  expect((await trainer().refuses(job))?.message).toBe(error.message);
  expect(server.requests).toEqual([]);
});

test.each<[RegExp, object, object]>([
  [/learningRate 1: .* takes 1e-8 to 0\.01/, change({ learningRate: 1 }), {}],
  [/epochs 21/, change({ epochs: 21 }), {}],
  [/batchSize 65/, change({ batchSize: 65 }), {}],
  [/optimiser\.checkpoints 11/, change({ checkpoints: 11 }), {}],
  [/lora\.rank 65/, change({ lora: { ...LORA, rank: 65 } }), {}],
  [/lora\.targets up_proj/, change({ lora: { ...LORA, targets: ['up_proj'] } }), {}],
  [/lora\.merge/, change({ lora: LORA }), { merge_output_lora: false }],
  [/a training of all weights/, {}, { supports_full_training: false }],
  [/a row of \d+ tokens: made\/Up-1B takes 16/, {}, { max_seq_length_sft: 16 }],
])("%s is beyond the model's limits, and nothing is uploaded", async (message, more, limits) => {
  server.limits = limits;
  expect((await failure(await jobOf('sft', more))).message).toMatch(message);
  expect([server.files.size, server.jobs.length]).toEqual([0, 0]);
});

test('preferences between texts are refused, in words that a run says before it begins', async () => {
  const job = (await contractJob(folder, 'texts', 'dpo', { model, optimisation })) as TrainJob;
  expect(await failure(job)).toMatchObject({ code: 'data', message: expect.stringContaining('line 1') });
  const plain = join(folder, 'plain');
  const { writeStart } = await import('../start.contract.ts');
  await writeStart(plain);
  expect(await trainer({ base: plain }).refuses(job)).toMatchObject({ code: 'data' });
  expect(await trainer().refuses(job)).toBeNull();
});

test.each([
  ['too dear', { estimated_total_price: 6 }, { maxCost: 5 }, /estimates \$6 .*maxCost is 5/],
  ['not allowed', { allowed_to_proceed: false, user_limit: 3 }, {}, /its limit is \$3/],
  [
    'unknown, and a bound is given',
    { estimation_available: false, unavailable_reason: 'train_file_not_validated' },
    { maxCost: 5 },
    /no price .*not_validated/,
  ],
])('a price that is %s is refused before a job is asked for', async (_, estimate, more, message) => {
  server.estimate = { ...server.estimate, ...estimate } as typeof server.estimate;
  expect((await failure(await jobOf('sft'), more)).message).toMatch(message);
  expect(server.jobs).toEqual([]);
});

test.each<[string, (typeof server.faults)[number]]>([
  ['429', [/POST .*fine-tunes$/, { status: 429 }]],
  ['an answer that is lost once the job is made', [/POST .*fine-tunes$/, 'cut when done']],
  ['a connection that is cut in the upload', [/PUT/, 'cut']],
])('goes on after %s, with one job', async (_, fault) => {
  server.faults.push(fault);
  const { steps } = await trainer().train(await jobOf('sft'));
  expect(steps).toHaveLength(4);
  expect(server.faults).toEqual([]);
  expect(server.jobs).toHaveLength(1);
});

test('a job that may not have been made is not asked for twice, and the next call asks', async () => {
  // Refused at the door, in a way that does not say so.
  server.faults.push([/POST .*fine-tunes$/, 'cut']);
  const job = await jobOf('sft');
  expect(await failure(job)).toMatchObject({
    code: 'network',
    remedy: expect.stringContaining('the same command again'),
  });
  expect(server.jobs).toEqual([]);
  await trainer().train(job);
  expect(server.jobs).toHaveLength(1);
});

test('one key is one job, from wherever it is asked for', async () => {
  const first = await trainer().train(await jobOf('sft'));
  const notes: string[] = [];
  const second = await trainer().train(await jobOf('sft'), undefined, undefined, (note) => notes.push(note));
  expect(server.jobs).toHaveLength(1);
  expect(notes).toEqual(['together.ai has this training already, as ft-1: it goes on']);
  expect(second.steps).toEqual(first.steps);
});

test('of two that are asked for at once the older one goes on, and the other is cancelled', async () => {
  const first = await trainer().train(await jobOf('sft'));
  server.faults.push([/GET .*fine-tunes$/, { status: 200, body: { data: [] } }]);
  const second = await trainer().train(await jobOf('sft'));
  expect(server.jobs.map(({ status }) => status)).toEqual(['completed', 'cancelled']);
  expect(server.trained).toHaveLength(1);
  expect(second.steps).toEqual(first.steps);
});

test('aborted it cancels the job, and the next call trains anew', async () => {
  const job = await jobOf('sft');
  const controller = new AbortController();
  const reason = new Error('enough');
  const told = trainer().train(job, ({ step }) => step === 2 && controller.abort(reason), controller.signal);
  await expect(told).rejects.toBe(reason);
  expect(server.jobs.map(({ status }) => status)).toEqual(['cancelled']);
  expect((await trainer().train(job)).steps).toHaveLength(4);
  expect(server.jobs.map(({ status }) => status)).toEqual(['cancelled', 'completed']);
});

test.each([
  ['cancelled', 'run', /ft-1 was cancelled at together\.ai/],
  ['error', 'model', /ft-1 failed at together\.ai: out of memory, said \[key\]/],
] as const)(
  'a job that ends as %s there is told, and the next call trains anew',
  async (status, code, message) => {
    const job = await jobOf('sft');
    const running = trainer().train(job, ({ step }) => {
      if (step === 2 && server.jobs.length === 1) server.jobs[0]!.status = status;
    });
    await expect(running).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect((await trainer().train(job)).steps).toHaveLength(4);
    expect(server.jobs.map(({ status }) => status)).toEqual([status, 'completed']);
  },
);

test('goes on from a job of the service, and from nothing else', async () => {
  const first = await trainer().train(await jobOf('sft', change({ checkpoints: 2 })));
  const [between, last] = first.checkpoints as [string, string];
  await trainer().train(await jobOf('dpo', { model: last, key: 'a' }));
  await trainer().train(await jobOf('dpo', { model: between, key: 'b' }));
  expect([asked(1)?.from_checkpoint, asked(2)?.from_checkpoint]).toEqual(['ft-1', 'ft-1:2']);
  const error = await failure(await jobOf('sft', { model: last }), { model: 'made/Up-8B' });
  expect(error.message).toMatch(/was trained at together\.ai from made\/Up-1B/);
  // The same weights are M0 wherever they lie; others are not there.
  const { copyFolder } = await import('../../files.ts');
  const copied = join(folder, 'copied');
  await copyFolder(model, copied);
  await trainer().train(await jobOf('sft', { model: copied, key: 'c' }));
  rmSync(join(last, 'together.json'));
  expect((await failure(await jobOf('sft', { model: last }))).message).toMatch(/made elsewhere/);
});

test('weights of another model than the start are not taken', async () => {
  const { copyFolder } = await import('../../files.ts');
  server.model = join(folder, 'other');
  await copyFolder(model, server.model);
  const config = join(server.model, 'config.json');
  const { num_hidden_layers: _, ...rest } = JSON.parse(readFileSync(config, 'utf8'));
  writeFileSync(config, JSON.stringify({ ...rest, num_hidden_layers: 7 }));
  const job = await jobOf('sft');
  const error = await failure(job);
  expect(error).toMatchObject({ code: 'model', message: expect.stringContaining('num_hidden_layers is 7') });
  expect(readdirSync(job.out).filter((name) => name.includes('step-'))).toEqual([]);
  // Put right, it is fetched, and not trained again.
  server.model = model;
  expect((await trainer().train(job)).checkpoints).toHaveLength(1);
  expect(server.jobs).toHaveLength(1);
});

test('a wrong key, none, and a model that is not there are told without the key', async () => {
  const job = await jobOf('sft');
  vi.stubEnv('WRONG', `${KEY}x`);
  const wrong = await failure(job, { apiKeyEnv: 'WRONG' });
  expect(wrong.message).not.toContain(KEY);
  expect(wrong).toMatchObject({ code: 'usage', remedy: expect.stringContaining('trainer.apiKeyEnv') });
  expect(await failure(job, { apiKeyEnv: 'NOT_THERE' })).toMatchObject({
    code: 'usage',
    message: expect.stringContaining('NOT_THERE'),
  });
  await expect(trainer({ model: 'made/Down' }).ready()).rejects.toMatchObject({
    message: expect.stringContaining('404 no such model'),
    remedy: expect.stringContaining('trainer.model'),
  });
  expect(await trainer().ready()).toHaveLength(2);
  expect(existsSync(join(job.out, 'train.state'))).toBe(false);
});

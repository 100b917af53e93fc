import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Together } from 'together-ai';
import { EvalPlannerError } from '../../errors.ts';
import { writeAtomically } from '../../files.ts';
import { withEngineErrors } from '../../model/local/engine-failure.ts';
import { localPlace } from '../../model/local/hub.ts';
import type { Trainer, TrainJob, TrainResult, TrainSettings, TrainStep } from '../../trainer.ts';
import { checkRoom } from '../disk-room.ts';
import { inTrainingFolder, type TrainingFolder } from '../folder.ts';
import { type ClientOptions, openService, type Service } from './client.ts';
import { fetchCheckpoint } from './download.ts';
import { follow } from './follow.ts';
import { Jobs } from './job.ts';
import { checkPrice } from './price.ts';
import { type RowFormat, textPreference, type Upload, writeUpload } from './rows.ts';
import { beyondLimits, createParams, mayCut, refusal, stepsOf } from './settings.ts';
import { hasTemplate, openStart, type Start, sameWeights } from './start.ts';
import { Steps } from './steps.ts';
import { uploadFile } from './upload.ts';

export interface TogetherOptions extends ClientOptions {
  /** What M0 is called at the service. */
  readonly model: string;
  /** M0 here, by its name or folder: what starts from other weights has to start from a job that made them. */
  readonly base?: string | undefined;
  /** Stands before the key in the name of what is trained; `evalplanner` when absent. */
  readonly suffix?: string | undefined;
  /** How rows of SFT are sent; tokens when absent. */
  readonly rows?: RowFormat | undefined;
  /** The most that a training may cost by the service's estimate, in dollars. */
  readonly maxCost?: number | undefined;
  /** Milliseconds between two looks at a job, the first ones sooner. */
  readonly poll?: number | undefined;
}

type Note = ((message: string) => void) | undefined;
type Signal = AbortSignal | undefined;

/** Trains at together.ai by its npm package, and fetches the checkpoints. Written from the types of that package, its public clients and
 * the service's documentation, and tried against a server made of them: the real service was never reached. A job is known there
 * by its suffix, which holds the training's key: it is looked for before one is asked for. */
export class TogetherTrainer implements Trainer {
  readonly kinds = ['sft', 'dpo'] as const;
  readonly #options: TogetherOptions;
  readonly #poll: number;
  #service: Service | undefined;

  constructor(options: TogetherOptions) {
    this.#options = options;
    this.#poll = options.poll ?? 10_000;
  }

  async ready(): Promise<readonly string[]> {
    const { model } = this.#options;
    await this.#limits(await this.#open());
    return [
      `trains at together.ai, for money, by an adapter that was tried against a made-up server only; models.judge has to be the very weights of ${model} there, which nothing compares before`,
      'together.ai takes no betas of the optimiser, and does not say which it uses',
    ];
  }

  async refuses(settings: TrainSettings): Promise<EvalPlannerError | null> {
    const { base } = this.#options;
    const wrong = refusal(settings);
    if (wrong !== null || settings.kind === 'sft' || base === undefined) return wrong;
    const { files } = await withEngineErrors(() => openStart(base));
    return hasTemplate(files) ? null : textPreference('a row of DPO');
  }

  async train(
    job: TrainJob,
    onStep?: (step: TrainStep) => void,
    signal?: AbortSignal,
    onNote?: (message: string) => void,
  ): Promise<TrainResult> {
    signal?.throwIfAborted();
    return inTrainingFolder(job, `together ${this.#options.model}`, async (folder) => {
      try {
        return folder.answer(onStep) ?? (await this.#train(job, folder, onStep, signal, onNote));
      } catch (error) {
        // The package has an error of its own for what was given up.
        signal?.throwIfAborted();
        throw error;
      }
    });
  }

  async close(): Promise<void> {}

  async #train(
    job: TrainJob,
    folder: TrainingFolder,
    onStep: ((step: TrainStep) => void) | undefined,
    signal: Signal,
    onNote: Note,
  ): Promise<TrainResult> {
    const wrong = refusal(job);
    if (wrong) throw wrong;
    const start = await openStart(job.model);
    await this.#mustBeThere(job.model, start);
    const { rows: format = 'tokens', suffix = 'evalplanner' } = this.#options;
    const file = join(job.out, `${job.kind}-${job.key}`);
    try {
      const upload = await writeUpload(job, start, format, file, signal);
      const service = await this.#open();
      const jobs = new Jobs(service, `${suffix}-${job.key}`, this.#poll);
      const known = await this.#known(folder, jobs, signal);
      if (known !== null) onNote?.(`together.ai has this training already, as ${known}: it goes on`);
      const id =
        known ??
        (await jobs.create(await this.#request(service, job, start, upload, signal, onNote), signal));
      await writeAtomically(folder.state, JSON.stringify({ job: id }));
      const steps = new Steps({
        steps: stepsOf(job.optimisation, upload.rows),
        tokens: upload.tokens * job.optimisation.epochs,
      });
      const over = await follow(service, id, steps, {
        tell(step) {
          const noted = folder.note(step);
          onStep?.(noted);
        },
        poll: this.#poll,
        signal,
      }).catch(async (error: unknown) => {
        if (signal?.aborted && !(await jobs.cancel(id)))
          onNote?.(`the training ${id} could not be cancelled: cancel it at together.ai, it costs money`);
        throw error;
      });
      if (over) throw over;
      const kept = await this.#fetch(service, id, folder, job, start, steps.last, signal);
      return await folder.finish(kept, upload.dropped);
    } finally {
      for (const type of ['parquet', 'jsonl']) await rm(`${file}.${type}`, { force: true });
    }
  }

  async #open(): Promise<Service> {
    this.#service ??= await openService(this.#options);
    return this.#service;
  }

  /** The service has M0 and what it trained itself, and nothing else. */
  async #mustBeThere(name: string, { folder, origin }: Start): Promise<void> {
    const { base, model } = this.#options;
    if (origin !== null && origin.model !== model)
      throw new EvalPlannerError(
        'usage',
        `${name} was trained at together.ai from ${origin.model}, and trainer.model is ${model}`,
        'give one trainer.model in all of a run',
      );
    if (origin !== null || base === undefined || name === base) return;
    if (await sameWeights(await localPlace(base), folder)) return;
    throw new EvalPlannerError(
      'usage',
      `${name} cannot be trained on at together.ai, which has not its weights: it was made elsewhere`,
      'train all rounds of a run by the trainer together, or all by another',
    );
  }

  /** The job of this training that is there; null where one has to be asked for. */
  async #known(folder: TrainingFolder, jobs: Jobs, signal: Signal): Promise<string | null> {
    const text = await readFile(folder.state, 'utf8').catch(() => null);
    const { job } = text === null ? {} : (JSON.parse(text) as { readonly job?: string });
    return job !== undefined && (await jobs.isAlive(job, signal)) ? job : jobs.find(signal);
  }

  #limits({ api, failure }: Service, signal?: Signal): Promise<Together.FinetuneModelLimits> {
    const { model } = this.#options;
    const asked = api.fineTuning.modelLimits({ model_name: model }, signal ? { signal } : {});
    return asked.catch((error: unknown) => {
      throw failure(error, `what ${model} may be trained with`);
    });
  }

  /** What a job is asked for by, its rows uploaded, where it may be done and does not cost too much. */
  async #request(
    service: Service,
    job: TrainJob,
    { origin }: Start,
    upload: Upload,
    signal: Signal,
    onNote: Note,
  ): Promise<Omit<Together.FineTuningCreateParams, 'suffix'>> {
    const { model, maxCost } = this.#options;
    const limits = await this.#limits(service, signal);
    const beyond = beyondLimits(job, limits, upload.longest);
    if (beyond) throw beyond;
    if (upload.padding > 0.1)
      onNote?.(
        `${Math.round(upload.padding * 100)} % of what is sent only fills rows up to the longest one, and may be paid: a smaller optimiser.maxLength avoids it, or trainer.rows: messages`,
      );
    if (mayCut(job, limits, upload.longest))
      onNote?.(
        `the longest row has ${upload.longest} tokens: of preferences the service may take half of its ${limits.max_seq_length_dpo} only, and cut what is beyond without a word; a smaller optimiser.maxLength leaves such rows out`,
      );
    const params = createParams(job, upload.rows, limits);
    const { n_epochs, n_evals, training_method, training_type } = params;
    const of = {
      model,
      training_file: await uploadFile(service, upload, this.#poll, signal),
      ...(origin ? { from_checkpoint: origin.final ? origin.job : `${origin.job}:${origin.step}` } : {}),
    };
    const priced = { ...of, n_epochs, n_evals, training_method, training_type };
    await checkPrice(service, priced as Together.FineTuningEstimatePriceParams, maxCost, signal, onNote);
    return { ...params, ...of };
  }

  /** Fetches the checkpoints of a job that has ended well; answers their steps. */
  async #fetch(
    service: Service,
    job: string,
    folder: TrainingFolder,
    { out, optimisation: { lora } }: TrainJob,
    start: Start,
    told: number,
    signal: Signal,
  ): Promise<number[]> {
    const listed = service.api.fineTuning.listCheckpoints(job, signal ? { signal } : {});
    const { data } = await listed.catch((error: unknown) => {
      throw service.failure(error, `the checkpoints of ${job}`);
    });
    const steps = data.map(({ step }) => step).filter((step) => step > 0);
    // The end is fetched in any case, even where no list tells it.
    const last = Math.max(1, told, ...steps);
    const kept = lora ? [last] : [...new Set([...steps, last])].sort((a, b) => a - b);
    for (const step of kept) {
      signal?.throwIfAborted();
      const final = step === last;
      const what = lora ? ('merged' as const) : ('model_output_path' as const);
      const query = final ? { checkpoint: what } : { checkpoint_step: step };
      await fetchCheckpoint(service, { job, step, final, model: this.#options.model }, query, {
        folder: folder.checkpoint(step),
        start,
        room: async (bytes) => {
          await checkRoom(out, folder, [step], { checkpoint: bytes, state: 0 });
        },
        poll: this.#poll,
        signal,
      });
    }
    return kept;
  }
}

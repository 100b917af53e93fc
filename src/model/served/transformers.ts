import { readFile, symlink, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { EvalPlannerError } from '../../errors.ts';
import { makeFolder } from '../../files.ts';
import { openaiCompatible } from '../openai.ts';
import type { KeySource } from '../remote/secret.ts';
import type { Checkpoint, Loaded, Loader } from './served.ts';
import { Server } from './server.ts';
import { servedName } from './vllm-lora.ts';

export interface TransformersOptions extends KeySource {
  /** Up to and with its `/v1`. */
  readonly url: string;
  /** A folder for links to checkpoints, of this run alone. */
  readonly links: string;
}

/** Milliseconds of the loading of a checkpoint. */
const LOADING = 1_800_000;

/** `transformers serve`, which loads the checkpoint whose path a request names. It keeps weights by their path: each has a link that holds
 * their hash. It tells no log-probabilities, and a chat cannot be begun; raw prompts can. Read in transformers 5.24
 * (cli/serving/model_manager.py, chat_completion.py, completion.py). */
export class TransformersServe implements Loader {
  readonly client = openaiCompatible;
  readonly prefill = 'none';
  readonly logprobs = false;
  readonly #server: Server;
  readonly #links: string;

  constructor({ url, links, ...keys }: TransformersOptions) {
    this.#server = new Server(url, keys);
    this.#links = links;
  }

  api(chat: boolean) {
    return chat ? ('chat' as const) : ('completions' as const);
  }

  async ready(start: Checkpoint, signal?: AbortSignal): Promise<void> {
    if (start.base !== undefined) throw onlyWhole(start);
    await this.#server.models(signal);
  }

  async load(checkpoint: Checkpoint, signal?: AbortSignal): Promise<Loaded> {
    if (checkpoint.base !== undefined) throw onlyWhole(checkpoint);
    const model = await this.#link(checkpoint);
    const answer = await this.#server.post(
      '/load_model',
      { model },
      { signal, timeout: LOADING, root: true },
    );
    // Events, each a line of JSON; the last tells how it ended.
    const failed = /"status": ?"error".*/.exec(answer.text);
    if (answer.status !== 200 || failed)
      throw this.#server.failure(
        `did not load ${model}: ${this.#server.said(failed?.[0] ?? answer.text)}`,
        'start it without a model of its own, where it reads the folder of the run, as `transformers serve`',
      );
    const listed = await this.#server.models(signal);
    if (!listed.some(({ id, status }) => id === model && status !== 'unloaded'))
      throw this.#server.failure(
        `said that it loaded ${model}, and serves ${listed.map(({ id }) => id).join(', ') || 'nothing'}`,
        'start it without a model of its own, as `transformers serve`',
      );
    const generation = await generationConfig(checkpoint.folder);
    return { baseURL: [this.#server.url], model, body: { generation_config: JSON.stringify(generation) } };
  }

  async rest(): Promise<void> {}

  async close(): Promise<void> {}

  async #link(checkpoint: Checkpoint): Promise<string> {
    const path = resolve(this.#links, servedName(checkpoint));
    makeFolder(resolve(this.#links));
    await unlink(path).catch(() => {});
    // A junction where Windows has no links without rights.
    await symlink(resolve(checkpoint.folder), path, 'junction');
    return path;
  }
}

/** The model's own but for how it samples: without `do_sample` it would be greedy at any temperature, and 50 is transformers' own
 * top-k. */
async function generationConfig(folder: string): Promise<object> {
  const text = await readFile(join(folder, 'generation_config.json'), 'utf8').catch(() => '{}');
  return { ...JSON.parse(text), do_sample: true, top_k: 0, top_p: 1, repetition_penalty: 1 };
}

const onlyWhole = ({ name }: Checkpoint) =>
  new EvalPlannerError(
    'usage',
    `${name} is an adapter, and transformers serve loads whole checkpoints`,
    'write whole ones (lora.merge: true), or load adapters into a running vLLM: serve: {kind: vllm, …}',
  );

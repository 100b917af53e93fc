import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EvalPlannerError } from '../../errors.ts';
import { type Hub, openHub } from '../../hub/connection.ts';
import { withEngineErrors } from '../../model/local/engine-failure.ts';
import { isModelFile, isWhole } from '../../model/local/hub.ts';
import { version } from '../../package.ts';
import { readJudgeFile } from '../../pipeline/judge-file.ts';
import { CARD_MARK, type ModelCard, modelCardText } from '../../report/model-card.ts';
import type { Report } from '../../report/run/report.ts';
import { ProgressLine } from '../progress-line.ts';
import { print, printable } from '../terminal.ts';

export interface PushCommand {
  readonly model: string;
  /** `OWNER/NAME`. */
  readonly push: string;
  readonly private?: boolean;
  readonly licence?: string;
  readonly json?: boolean;
}

const CARD = 'README.md';

/** `evalplanner export --model DIR --push OWNER/NAME`: a checkpoint or an adapter to the hub, with a card. All its files come in one
 * commit: until then nothing is changed there. */
export async function pushModel(command: PushCommand, signal: AbortSignal): Promise<void> {
  const { model, push: id, licence } = command;
  if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(id))
    throw new EvalPlannerError('usage', `--push ${id} names no repository`, 'give it as OWNER/NAME');
  const folder = resolve(model);
  const names = await modelFiles(folder);
  const card = modelCardText(await describe(folder, names, id, licence ?? null));
  const hub = await openHub({ type: 'model', id }, signal);
  const { client } = hub;
  const { accessToken } = hub.parts;
  if (hub.offline)
    throw new EvalPlannerError('usage', 'HF_HUB_OFFLINE is set', 'unset it to send a model to the hub');
  if (accessToken === undefined)
    throw new EvalPlannerError(
      'usage',
      `the hub lets nobody without a token write to ${id}`,
      'set HF_TOKEN to a token with write access, or log in with `hf auth login`',
    );
  try {
    const isNew = await create(hub, accessToken, command.private ?? false);
    const own = names.includes(CARD);
    const keeps = !own && !isNew && (await hasForeignCard(hub));
    if (keeps) process.stderr.write(`note: ${id} has a card of its own, which is kept\n`);
    const files = names.map((path) => ({ path, content: pathToFileURL(join(folder, path)) }));
    const { parts, done } = counting(hub);
    const committed = await client
      .uploadFiles({
        ...parts,
        files: [...files, ...(own || keeps ? [] : [{ path: CARD, content: new Blob([card]) }])],
        commitTitle: `Upload ${basename(folder)} with evalplanner`,
        abortSignal: signal,
      })
      .finally(done);
    const url = `${hub.url}/${id}`;
    const commit = committed?.commit.oid ?? '';
    await print(
      command.json
        ? `${JSON.stringify({ url, commit, files: names }, null, 2)}\n`
        : printable(
            `${names.length} files at ${url}, commit ${commit.slice(0, 7)}\nhf:${id} is its name here\n`,
          ),
    );
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw refused(hub, error) ?? hub.failure(error, `repository ${id}`);
  }
}

function refused({ client, repository: { id } }: Hub, error: unknown): EvalPlannerError | null {
  if (!(error instanceof client.HubApiError) || ![401, 403].includes(error.statusCode)) return null;
  return new EvalPlannerError(
    'usage',
    `the hub does not let this account write to ${id} (${error.statusCode})`,
    'check OWNER, and set HF_TOKEN to a token with write access there',
    error,
  );
}

/** Of a folder, what belongs to the model; states of trainings and whatever else lies there stay. Throws EvalPlannerError. */
async function modelFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  if (!(await withEngineErrors(() => isWhole(folder))))
    throw new EvalPlannerError(
      'usage',
      `${folder} holds no checkpoint and no adapter`,
      'name the folder of one, as runs/NAME/checkpoints/M2-DPO',
    );
  return names.filter((name) => isModelFile(name) || name === CARD).sort();
}

async function describe(
  folder: string,
  names: readonly string[],
  id: string,
  licence: string | null,
): Promise<ModelCard> {
  const json = async (name: string) =>
    names.includes(name)
      ? (JSON.parse(await readFile(join(folder, name), 'utf8')) as Record<string, unknown>)
      : null;
  const base = (await json('adapter_config.json'))?.base_model_name_or_path;
  if (base !== undefined && !isHubName(base, folder))
    throw new EvalPlannerError(
      'usage',
      `${folder} is an adapter of ${base}, a folder that nobody else has`,
      'merge it into its base and push that, or push the base and name it in adapter_config.json',
    );
  const [architecture] = [(await json('config.json'))?.architectures].flat();
  const template = (await json('tokenizer_config.json'))?.chat_template;
  return {
    id,
    judge: await readJudgeFile(folder),
    run: await runOf(folder),
    architecture: typeof architecture === 'string' ? architecture : null,
    base: typeof base === 'string' ? base : null,
    licence,
    chatTemplate: template !== undefined || names.some((name) => name.startsWith('chat_template.')),
    version: version(),
  };
}

const isHubName = (base: unknown, folder: string): base is string =>
  typeof base === 'string' &&
  /^\w[\w.-]*\/\w[\w.-]*$/.test(base) &&
  !existsSync(resolve(folder, base)) &&
  !existsSync(base);

/** The report of the run that a checkpoint lies in; null where there is none that can be read. */
async function runOf(folder: string): Promise<ModelCard['run']> {
  if (basename(dirname(folder)) !== 'checkpoints') return null;
  const path = join(folder, '..', '..', 'report.json');
  try {
    const report = JSON.parse(await readFile(path, 'utf8')) as Report;
    return report.schema === 3 && Array.isArray(report.stages) ? { report, name: basename(folder) } : null;
  } catch {
    return null;
  }
}

/** Whether it is new. */
async function create({ client, parts }: Hub, accessToken: string, isPrivate: boolean): Promise<boolean> {
  try {
    await client.createRepo({ ...parts, accessToken, ...(isPrivate ? { visibility: 'private' } : {}) });
    return true;
  } catch (error) {
    if (!(error instanceof client.HubApiError) || error.statusCode !== 409) throw error;
    if (isPrivate)
      process.stderr.write(
        `note: ${parts.repo.name} is there already, and stays as public or private as it is\n`,
      );
    return false;
  }
}

async function hasForeignCard({ client, parts }: Hub): Promise<boolean> {
  const found = await client.downloadFile({ ...parts, path: CARD }).catch((error: unknown) => {
    // A repository without a commit has no revision main.
    if (error instanceof client.HubApiError && error.statusCode === 404) return null;
    throw error;
  });
  return found !== null && !(await found.text()).includes(CARD_MARK);
}

/** The same parameters with a fetch that tells how much of the large files has gone; the client tells it in browsers only. */
function counting({ parts }: Hub): { readonly parts: Hub['parts']; done(): void } {
  let line: ProgressLine | null = null;
  let sent = 0;
  const counted: typeof fetch = async (input, init) => {
    const response = await parts.fetch(input, init);
    if (init?.method === 'PUT' && init.body instanceof Blob && response.ok) {
      line ??= new ProgressLine(`upload ${parts.repo.name}`, null, 'MB', 'MB');
      sent += init.body.size / 1e6;
      line.show(sent);
    }
    return response;
  };
  return { parts: { ...parts, fetch: counted }, done: () => line?.end(sent) };
}

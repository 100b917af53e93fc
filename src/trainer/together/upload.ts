import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Together } from 'together-ai';
import { EvalPlannerError } from '../../errors.ts';
import { mayPass, type Service, statusOf } from './client.ts';
import { pause } from './pause.ts';
import type { Upload } from './rows.ts';

/** Tries of an upload whose connection breaks. */
const TRIES = 3;

/** Uploads a file and waits until the service has looked at it; answers its id. The package's own upload, which
 * calls `require` where there is none, could neither be ended nor asks the host that its client asks. */
export async function uploadFile(
  service: Service,
  { path, type }: Pick<Upload, 'path' | 'type'>,
  poll: number,
  signal?: AbortSignal,
): Promise<string> {
  for (let tries = 1; ; tries++)
    try {
      const id = await send(service, path, type, signal);
      return await checked(service, id, poll, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (tries === TRIES || !mayPass(error)) throw service.failure(error, `the upload of ${basename(path)}`);
      await pause(poll * tries, signal);
    }
}

/** The place of a file is told by a redirection, which the key does not go along with. */
async function send(
  { baseUrl, authorization, redact }: Service,
  path: string,
  type: Upload['type'],
  signal: AbortSignal | undefined,
): Promise<string> {
  const form = new URLSearchParams({ file_name: basename(path), file_type: type, purpose: 'fine-tune' });
  const end = signal ? { signal } : {};
  const told = await fetch(`${baseUrl}/files?${form}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', authorization },
    redirect: 'manual',
    body: form.toString(),
    ...end,
  });
  const [place, id] = [told.headers.get('location'), told.headers.get('x-together-file-id')];
  if (told.status !== 302 || !place || !id)
    throw new HttpError(told.status, redact((await told.text()).slice(0, 500)));
  const { size } = await stat(path);
  const put = await fetch(place, {
    method: 'PUT',
    // Object stores take no body of unknown length.
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
    body: createReadStream(path),
    duplex: 'half',
    ...end,
  } as RequestInit);
  const said = await put.text();
  if (!put.ok) throw new HttpError(put.status, redact(said.slice(0, 500)));
  return id;
}

/** An answer that says no, as the package's own errors tell it. */
class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(`${status} ${message}`.trim());
    this.status = status;
  }
}

async function checked(
  { api }: Service,
  id: string,
  poll: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const end = signal ? { signal } : {};
  let file: Together.FileResponse;
  try {
    // The service's Python client says so that it may begin to look, its npm client does not.
    file = await api.post(`/files/${encodeURIComponent(id)}/preprocess`, end);
  } catch (error) {
    if (statusOf(error) !== 404 && statusOf(error) !== 405) throw error;
    file = await api.files.retrieve(id, end);
  }
  const WAITING = ['PENDING', 'QUEUED', 'RUNNING'];
  while (WAITING.includes(file.processing_status ?? '')) {
    await pause(poll / 10, signal);
    file = await api.files.retrieve(id, end);
  }
  const { processing_status: status, validation_report: report } = file;
  if (status === 'FAILED' || status === 'INVALID_FORMAT' || report?.valid === false)
    throw new EvalPlannerError(
      'data',
      `together.ai takes no such file of rows: ${report?.error ?? status}`,
      'nothing was trained or paid; correct the rows, or choose the other of trainer.rows: tokens or messages',
    );
  return id;
}

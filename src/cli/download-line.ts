import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EvalPlannerError } from '../errors.ts';
// Its types alone: what downloads is loaded where something is downloaded.
import type { Download } from '../hub/downloads.ts';
import { ProgressLine } from './progress-line.ts';
import { printable } from './terminal.ts';

const CHANNEL: typeof import('../hub/downloads.ts').DOWNLOADS = 'evalplanner:download';
const MB = 1e6;

interface Shown {
  readonly line: ProgressLine | null;
  stop(): void;
}

const shown = new WeakMap<Download, Shown>();

/** While the work runs, downloads show on stderr how far they are, and Ctrl-C ends them. */
export async function showDownloads<T>(work: () => Promise<T>): Promise<T> {
  subscribe(CHANNEL, onDownload);
  try {
    return await work();
  } finally {
    unsubscribe(CHANNEL, onDownload);
  }
}

function onDownload(message: unknown): void {
  const download = message as Download;
  const { line, stop } = shown.get(download) ?? begin(download);
  if (!download.ended) {
    line?.show(download.done / MB);
    return;
  }
  process.off('SIGINT', stop);
  process.off('SIGTERM', stop);
  if (download.done === download.total) line?.end(download.total / MB);
  else line?.clear();
}

function begin(download: Download): Shown {
  const { id, total } = download;
  // The JSON of a model is not worth a line.
  const line = total < MB ? null : new ProgressLine(`download ${printable(id)}`, total / MB, 'MB', 'MB');
  const stop = () =>
    download.abort(
      new EvalPlannerError(
        'interrupted',
        `stopped before ${id} was downloaded`,
        'run the same command again: what has come of it is kept',
      ),
    );
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const made = { line, stop };
  shown.set(download, made);
  return made;
}

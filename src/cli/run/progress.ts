import { styleText } from 'node:util';
import type { Json } from '../../key.ts';
import type { RunEvent } from '../../pipeline/stage.ts';
import { duration, whole } from '../../report/format.ts';
import { tableOptions } from '../../report/run/table.ts';

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

interface Current {
  readonly title: string;
  readonly started: number;
  done: number;
  total: number;
  tokens: number;
  /** A stage may have several parts (plans, then executions); time left is told for the part at work. */
  partStarted: number;
  partDone: number;
}

/** Redraw at most this often on a terminal, and speak at most this often elsewhere; milliseconds. */
const REDRAW = 100;
const SPEAK = 10_000;

/** Live progress of a run: one updating line on a terminal, a few plain lines elsewhere. */
export class Progress {
  /** Stages of the run, finished ones included. */
  stages = 0;
  readonly #stream: ProgressStream;
  readonly #now: () => number;
  readonly #live: boolean;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  #finished = 0;
  #skipped = 0;
  #current: Current | null = null;
  #last = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    stream: ProgressStream,
    now: () => number = () => performance.now(),
    environment: Readonly<Record<string, string | undefined>> = process.env,
  ) {
    this.#stream = stream;
    this.#now = now;
    this.#environment = environment;
    this.#live = stream.isTTY === true && environment.TERM !== 'dumb';
  }

  /** What the ledger's account has of the stage at work, so that only what is new counts. */
  #known = { name: '', tokens: 0 };

  readonly onEvent = (event: RunEvent): void => {
    if (event.type === 'note') {
      this.#clear();
      this.#say(`note: ${event.message}`);
    }
    if (event.type !== 'stage') return;
    const { name, title, status, done, total, tokens, result } = event.stage;
    if (status === 'done') this.stageFinished(name, result);
    else if (status === 'failed') this.close();
    else {
      if (this.#current === null || this.#known.name !== name) {
        this.#known = { name, tokens };
        this.stageStarted(name, title);
      }
      this.progress(name, done, total, tokens - this.#known.tokens);
      this.#known = { name, tokens };
    }
  };

  stageStarted(_name: string, title: string): void {
    if (this.#skipped > 0) this.#say(`${this.#skipped} of ${this.stages} stages are done already`);
    this.#skipped = 0;
    const now = this.#now();
    this.#current = { title, started: now, done: 0, total: 0, tokens: 0, partStarted: now, partDone: 0 };
    this.#last = now;
    if (this.#live) {
      this.#draw();
      this.#timer = setInterval(() => this.#draw(), 1000);
      this.#timer.unref();
    } else this.#say(`${this.#place()} ${title}`);
  }

  progress(_name: string, done: number, total: number, tokens: number): void {
    const current = this.#current;
    if (current === null) return;
    const now = this.#now();
    if (total !== current.total || done < current.done) {
      current.partStarted = now;
      current.partDone = tokens === 0 ? done : done - 1;
    }
    current.done = done;
    current.total = total;
    current.tokens += tokens;
    if (now - this.#last < (this.#live ? REDRAW : SPEAK)) return;
    if (this.#live) this.#draw();
    else {
      this.#last = now;
      this.#say([`${this.#place()} ${current.title}: ${share(current)}`, ...this.#figures()].join(', '));
    }
  }

  stageFinished(_name = '', result: Json = null): void {
    const current = this.#current;
    this.#finished++;
    if (current === null) {
      this.#skipped++;
      return;
    }
    const seconds = (this.#now() - current.started) / 1000;
    const figures = [duration(seconds), ...rate(current.tokens, seconds), ...leftOut(result)].join(', ');
    this.close();
    const place = `${this.#finished}/${this.stages}`;
    const { columns, colour } = tableOptions(this.#stream, this.#environment);
    const mark = colour ? styleText('green', '✓', { validateStream: false }) : '✓';
    if (!this.#live) this.#say(`${place} ${current.title}: done in ${figures}`);
    else this.#say(`${mark} ${cut(`${place} ${current.title}: ${figures}`, columns - 3)}`);
  }

  /** Takes the live line away: something else is to be printed. */
  close(): void {
    clearInterval(this.#timer);
    this.#clear();
    this.#current = null;
  }

  #clear(): void {
    if (this.#live && this.#current !== null) this.#stream.write('\r\x1b[K');
  }

  #place(): string {
    return `${this.#finished + 1}/${this.stages}`;
  }

  /** Rate of the stage, and the time its part still takes. */
  #figures(): string[] {
    const { started, done, total, tokens, partStarted, partDone } = this.#current as Current;
    const now = this.#now();
    const figures = rate(tokens, (now - started) / 1000);
    const perUnit = (now - partStarted) / 1000 / (done - partDone);
    if (done < total && done > partDone) figures.push(`${duration(perUnit * (total - done))} left`);
    return figures;
  }

  #draw(): void {
    const current = this.#current;
    if (current === null) return;
    this.#last = this.#now();
    const { columns, colour } = tableOptions(this.#stream, this.#environment);
    const figures =
      current.total > 0 && current.done >= current.total
        ? rate(current.tokens, this.#elapsed())
        : this.#figures();
    const line = progressLine(
      `${this.#place()} ${current.title}`,
      current.total === 0 ? 0 : current.done / current.total,
      figures.length === 0 ? [duration(this.#elapsed())] : figures,
      columns - 1, // a line that fills the last column wraps
    );
    const painted = colour
      ? line.replace(/█+/, (bar) => styleText('cyan', bar, { validateStream: false }))
      : line;
    this.#stream.write(`\r${painted}\x1b[K`);
  }

  #elapsed(): number {
    return (this.#now() - (this.#current as Current).started) / 1000;
  }

  #say(line: string): void {
    this.#stream.write(`${line}\n`);
  }
}

const BAR = 24;

/** Title, bar, share and figures in at most `columns`: figures go from the back, then the bar, then the title is cut. */
export function progressLine(
  title: string,
  part: number,
  figures: readonly string[],
  columns: number,
): string {
  const percent = `${Math.floor(part * 100)} %`.padStart(5);
  for (let kept = figures.length; kept >= 0; kept--) {
    const end = [percent, ...figures.slice(0, kept)].join(' · ');
    const room = columns - title.length - end.length - 2;
    if (room >= 4 || (kept === 0 && room >= 1)) {
      const width = Math.min(BAR, room);
      const filled = Math.round(part * width);
      return `${title} ${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${end}`;
    }
  }
  const room = columns - percent.length - 1;
  return room < 4 ? cut(title, columns) : `${cut(title, room)} ${percent}`;
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

function share({ done, total }: Current): string {
  return `${total === 0 ? 0 : Math.floor((100 * done) / total)} % (${whole(done)} of ${whole(total)})`;
}

function rate(tokens: number, seconds: number): string[] {
  return tokens === 0 || seconds <= 0 ? [] : [`${whole(tokens / seconds)} tokens/s`];
}

/** What a stage says of rows that it could not take. */
function leftOut(result: Json): string[] {
  const { dropped = 0, rows = 0, ...sources } = (result ?? {}) as Record<string, Json>;
  if (typeof dropped === 'number' && dropped > 0) return [`${dropped} of ${rows} rows too long, left out`];
  const left: Record<string, number> = {};
  for (const source of Object.values(sources)) {
    const { rows: read, dropped: none = {} } = (source ?? {}) as SourceResult;
    for (const [reason, n] of [...Object.entries(read?.left ?? {}), ...Object.entries(none)])
      left[reason] = (left[reason] ?? 0) + n;
  }
  const told = Object.entries(left).map(([reason, n]) => `${whole(n)} ${reason}`);
  return told.length === 0 ? [] : [`left out: ${told.join(', ')}`];
}

/** Of a stage of pairs: what became of a source's rows, and of its instructions. */
interface SourceResult {
  readonly rows?: { readonly left: Readonly<Record<string, number>> };
  readonly dropped?: Readonly<Record<string, number>>;
}

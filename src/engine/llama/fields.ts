import { CheckpointError, shown } from '../errors.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Beyond any model, and small enough that products of two are exact. */
const LARGEST = 2 ** 26;

interface Source {
  /** An object within the file; the file itself when left out. */
  readonly from?: Json;
  /** What stands in for null, or for a field that is not there. */
  readonly absent?: unknown;
}

/** The fields of a JSON file of a checkpoint, each checked as it is read; throws CheckpointError. */
export class Fields {
  readonly raw: Json;
  readonly #path: string;
  readonly #text: string;

  constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
    this.raw = this.rewritten<Json>(JSON.parse);
    if (this.raw === null || typeof this.raw !== 'object' || Array.isArray(this.raw))
      throw this.malformed('it is not an object');
  }

  /** What becomes of the file's text; an error of that is the file's. */
  rewritten<T>(change: (text: string) => T): T {
    try {
      return change(this.#text);
    } catch (error) {
      throw this.malformed('it is not JSON', error);
    }
  }

  malformed(what: string, cause?: unknown): CheckpointError {
    const remedy = 'Correct that file, or download the checkpoint again.';
    return new CheckpointError('format', `${this.#path}: ${what}`, remedy, cause);
  }

  unsupported(what: string): CheckpointError {
    const remedy =
      'Serve it, with vLLM or another server, and name it openai:NAME@URL to judge with it; TRL trains it on the rows of `evalplanner export`.';
    return new CheckpointError('unsupported', `${this.#path}: ${what}`, remedy);
  }

  object(name: string): Json {
    const value = this.raw[name] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw this.malformed(`${name} is not an object`);
    return value as Json;
  }

  number(name: string, { from = this.raw, absent }: Source = {}): number {
    const value = from[name] ?? absent;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw this.malformed(`${name} is ${shown(value)}, not a positive number`);
    }
    return value;
  }

  count(name: string, source: Source = {}): number {
    const value = this.number(name, source);
    if (!Number.isInteger(value)) throw this.malformed(`${name} is ${value}, not a whole number`);
    if (value > LARGEST) throw this.malformed(`${name} is ${value}; no model has more than ${LARGEST}`);
    return value;
  }

  flag(name: string, absent: unknown = false): boolean {
    const value = this.raw[name] ?? absent;
    if (typeof value !== 'boolean') throw this.malformed(`${name} is ${shown(value)}, not true or false`);
    return value;
  }

  /** A count that may be zero. */
  whole(name: string, absent: number): number {
    const value = this.raw[name] ?? absent;
    return value === 0 ? 0 : this.count(name, { absent });
  }

  /** Tokens of a vocabulary: one, a list of them, or none. */
  tokens(name: string, vocabSize: number, absent: unknown = null): number[] {
    const value = Object.hasOwn(this.raw, name) ? this.raw[name] : absent;
    const ids = value === null ? [] : Array.isArray(value) ? value : [value];
    for (const id of ids) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize) {
        throw this.malformed(`${name} is ${shown(value)}, not a token of a vocabulary of ${vocabSize}`);
      }
    }
    return ids;
  }
}

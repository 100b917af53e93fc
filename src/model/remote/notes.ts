/** What a user is told of a server, each thing once. */
export class Notes {
  readonly #name: string;
  readonly #tell: (message: string) => void;
  readonly #told = new Set<string>();
  readonly #words = new Map<string, { stop: number; length: number }>();

  constructor(name: string, tell: (message: string) => void = () => {}) {
    this.#name = name;
    this.#tell = tell;
  }

  once(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#tell(message);
  }

  /** An answer ended by a word that is not known, and was told by its length. */
  unknownEnd(word: string, ending: 'stop' | 'length'): void {
    const counts = this.#words.get(word) ?? { stop: 0, length: 0 };
    counts[ending]++;
    // A server that makes up words must not fill the memory.
    if (this.#words.size < 20) this.#words.set(word, counts);
  }

  /** One note for each such word, with its counts. */
  close(): void {
    for (const [word, { stop, length }] of this.#words) {
      const count = stop + length;
      const shown = JSON.stringify(word.slice(0, 40).replace(/[^\x20-\x7e]/g, '?'));
      const are = count === 1 ? 'answer ended' : 'answers ended';
      this.#tell(
        `${this.#name}: ${count} ${are} by ${shown}, a word that is not known; kept, by length ${stop} as whole and ${length} as cut`,
      );
    }
    this.#words.clear();
  }
}

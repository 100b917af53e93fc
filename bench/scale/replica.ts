/** A vLLM replica as a model of its scheduler: no input or output, time is given, in simulated seconds. Each step takes a token of every
 * sequence that is decoded, and of prompts what is left of the token budget; between events steps are taken many at once. What it is
 * like is told by `ReplicaOptions`; what it leaves out: blocks that running calls share count for the first of them only. */

export interface ReplicaOptions {
  /** As vLLM's: sequences that run at once, tokens of one step, tokens of a block. */
  readonly maxNumSeqs: number;
  readonly maxBatchedTokens: number;
  readonly blockSize: number;
  /** Tokens that the KV cache holds. */
  readonly kvTokens: number;
  /** Seconds of a step: of itself, for each token that is computed, for each token of context that is read. */
  readonly step: { readonly base: number; readonly token: number; readonly context: number };
}

/** A request for n completions of one prompt. */
export interface Call {
  /** Of the prompt's whole blocks, each of all that comes before it, too. */
  readonly blocks: readonly number[];
  readonly promptTokens: number;
  /** Tokens of each completion. */
  readonly lengths: readonly number[];
  /** Hears when the last of them is written: how much of the prompt the prefix cache had. */
  readonly done: (cachedTokens: number) => void;
}

interface Running {
  readonly call: Call;
  left: number;
  cachedTokens: number;
  /** Tokens of the prompt that it holds itself. */
  promptHeld: number;
  admitted: boolean;
}

interface Sequence {
  readonly of: Running;
  readonly length: number;
  generated: number;
  /** To be computed before it goes on: the prompt, and after a preemption what it had. */
  prefill: number;
}

export interface ReplicaStats {
  /** Seconds with something to do, with a batch that is full or has others waiting, and sequences × seconds. */
  busy: number;
  full: number;
  sequenceSeconds: number;
  calls: number;
  completions: number;
  generatedTokens: number;
  promptTokens: number;
  cachedTokens: number;
  preemptions: number;
}

const noStats = (): ReplicaStats => ({
  busy: 0,
  full: 0,
  sequenceSeconds: 0,
  calls: 0,
  completions: 0,
  generatedTokens: 0,
  promptTokens: 0,
  cachedTokens: 0,
  preemptions: 0,
});

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #waiting: Sequence[] = [];
  /** In the order of their admission. */
  readonly #running: Sequence[] = [];
  /** Hashes of blocks that nobody holds any more, the oldest first. */
  readonly #cache = new Set<number>();
  #held = 0;
  #context = 0;
  #time = 0;
  /** 1: as told; 3: each step takes thrice as long. */
  slowness = 1;
  readonly stats: ReplicaStats = noStats();

  constructor(options: ReplicaOptions) {
    this.#options = options;
  }

  get blockSize(): number {
    return this.#options.blockSize;
  }

  get running(): number {
    return this.#running.length;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Share of the KV cache that is held. */
  get kvUsage(): number {
    return this.#held / this.#options.kvTokens;
  }

  /** At the time up to which it was advanced, or after the step that it is in. */
  submit(call: Call): void {
    this.stats.calls++;
    const of: Running = {
      call,
      left: call.lengths.length,
      cachedTokens: 0,
      promptHeld: 0,
      admitted: false,
    };
    for (const length of call.lengths) this.#waiting.push({ of, length, generated: 0, prefill: 0 });
  }

  /** All that it had is gone, the prefix cache too; answers how many calls. */
  die(): number {
    const calls = new Set([...this.#running, ...this.#waiting].map(({ of }) => of));
    this.#running.length = 0;
    this.#waiting.length = 0;
    this.#cache.clear();
    this.#held = 0;
    this.#context = 0;
    return calls.size;
  }

  advance(to: number): void {
    while (this.#time < to) {
      this.#admit();
      if (this.#running.length === 0) {
        this.#time = to;
        return;
      }
      const before = this.#time;
      const [running, full] = [this.#running.length, this.#isFull()];
      if (this.#running.some(({ prefill }) => prefill > 0)) this.#mixedStep();
      else this.#decode(to);
      const took = this.#time - before;
      this.stats.busy += took;
      if (full) this.stats.full += took;
      this.stats.sequenceSeconds += took * running;
      this.#finish();
      while (this.#held + this.#running.length > this.#options.kvTokens && this.#running.length > 1)
        this.#preempt();
    }
  }

  #isFull(): boolean {
    return this.#waiting.length > 0 || this.#running.length >= this.#options.maxNumSeqs;
  }

  /** Whoever waited longest goes first; nobody passes one that finds no room. */
  #admit(): void {
    const { maxNumSeqs, kvTokens } = this.#options;
    while (this.#running.length < maxNumSeqs) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      const { of } = next;
      const first = !of.admitted;
      const cached = first ? this.#lookUp(of.call) : of.call.promptTokens;
      const own = first ? of.call.promptTokens - cached : 0;
      const wanted = own + next.generated + this.#running.length;
      if (this.#running.length > 0 && this.#held + wanted > kvTokens) return;
      this.#waiting.shift();
      if (first) {
        of.admitted = true;
        of.cachedTokens = cached;
        of.promptHeld = own;
        this.#held += own;
        this.stats.promptTokens += of.call.promptTokens;
        this.stats.cachedTokens += cached;
        for (const block of of.call.blocks) this.#cache.add(block);
      }
      // One token at least is computed, also where all is cached.
      next.prefill = Math.max(1, own + next.generated);
      this.#held += next.generated;
      this.#context += of.call.promptTokens + next.generated;
      this.#running.push(next);
      this.#evict();
    }
  }

  /** Tokens of the prompt that are cached; its blocks are the newest then. */
  #lookUp({ blocks, promptTokens }: Call): number {
    let found = 0;
    for (const block of blocks) {
      if (!this.#cache.delete(block)) break;
      this.#cache.add(block);
      found++;
    }
    // The last token is always computed: its logits are wanted.
    return Math.min(found * this.#options.blockSize, promptTokens - 1);
  }

  #evict(): void {
    const room = Math.max(0, (this.#options.kvTokens - this.#held) / this.#options.blockSize);
    for (const oldest of this.#cache) {
      if (this.#cache.size <= room) return;
      this.#cache.delete(oldest);
    }
  }

  /** One step in which prompts are computed beside what is decoded. */
  #mixedStep(): void {
    const decoding = this.#running.reduce((count, { prefill }) => count + (prefill === 0 ? 1 : 0), 0);
    let budget = Math.max(1, this.#options.maxBatchedTokens - decoding);
    let tokens = decoding;
    for (const sequence of this.#running) {
      if (sequence.prefill === 0) this.#generate(sequence, 1);
      else if (budget > 0) {
        const part = Math.min(budget, sequence.prefill);
        budget -= part;
        tokens += part;
        sequence.prefill -= part;
        if (sequence.prefill === 0) this.#generate(sequence, 1);
      }
    }
    this.#time += this.#seconds(tokens, 1);
  }

  /** Steps in which nothing but decoding happens: up to the end of the first sequence, of the KV cache, or to that time. */
  #decode(to: number): void {
    const running = this.#running.length;
    const first = this.#running.reduce(
      (least, { length, generated }) => Math.min(least, length - generated),
      Infinity,
    );
    const room = Math.floor((this.#options.kvTokens - this.#held) / running);
    const due = Math.ceil((to - this.#time) / this.#seconds(running, 1));
    const steps = Math.max(1, Math.min(first, room, due));
    this.#time += this.#seconds(running, steps);
    for (const sequence of this.#running) this.#generate(sequence, steps);
  }

  #generate(sequence: Sequence, tokens: number): void {
    sequence.generated += tokens;
    this.#held += tokens;
    this.#context += tokens;
    this.stats.generatedTokens += tokens;
  }

  /** Of so many steps, each of so many tokens; the context grows by them from step to step. */
  #seconds(tokens: number, steps: number): number {
    const { base, token, context } = this.#options.step;
    const read = steps * this.#context + (tokens * steps * (steps - 1)) / 2;
    return this.slowness * (steps * (base + token * tokens) + context * read);
  }

  #finish(): void {
    let kept = 0;
    for (const sequence of this.#running) {
      const { of, length, generated } = sequence;
      if (generated < length) {
        this.#running[kept++] = sequence;
        continue;
      }
      this.#held -= generated;
      this.#context -= of.call.promptTokens + generated;
      this.stats.completions++;
      if (--of.left > 0) continue;
      this.#held -= of.promptHeld;
      of.call.done(of.cachedTokens);
    }
    this.#running.length = kept;
  }

  /** The newest gives its place and comes first when there is room; it has to compute all that it had again. */
  #preempt(): void {
    const last = this.#running.pop() as Sequence;
    this.stats.preemptions++;
    this.#held -= last.generated;
    this.#context -= last.of.call.promptTokens + last.generated;
    this.#waiting.unshift(last);
  }
}

import type { GenerateRequest, Generation, Model } from '../model.ts';
import type { Estimate, Prices } from '../prices.ts';
import type { Generations, LedgerReader } from '../store.ts';
import { NOTHING, withRequest } from './estimate.ts';

/** Stands in for models and the ledger of any judging: what would be asked is counted, nothing is asked and nothing written.
 *
 *     const dry = new DryRun(prices);
 *     for await (const _ of judgeAll(dry.model(model), pairs, { store: dry.store(store) }));
 *     dry.estimate;
 *
 * A plan that the ledger lacks is taken to be as long as it may be, and every thought to name a verdict. */
export class DryRun {
  readonly #prices: Prices | undefined;
  #estimate = NOTHING;
  readonly #had = new Set<string>();

  constructor(prices?: Prices) {
    this.#prices = prices;
  }

  /** What would be asked so far. */
  get estimate(): Estimate {
    return this.#estimate;
  }

  /** Generations that the ledger has, so far. */
  get stored(): number {
    return this.#had.size;
  }

  model({ revision, prefills }: Model): Model {
    const add = (request: GenerateRequest) => {
      this.#estimate = withRequest(this.#estimate, request, this.#prices);
    };
    return {
      revision,
      prefills,
      async *generate(requests) {
        for await (const request of requests) {
          add(request);
          yield standIn(request);
        }
      },
      async close() {},
    };
  }

  store(of?: Pick<LedgerReader, 'generation' | 'missing'>): Generations {
    const stood = new Map<string, Generation>();
    const had = this.#had;
    return {
      generation(key) {
        const stand = stood.get(key);
        if (stand) return stand;
        const found = of?.generation(key);
        if (found && found.finishReason !== 'error') had.add(key);
        return found;
      },
      *missing(keys, since) {
        for (const key of keys) if (!stood.has(key)) yield* of?.missing([key], since) ?? [key];
      },
      putGenerations(rows) {
        for (const row of rows) stood.set(row.key, row);
      },
    };
  }
}

/** A plan, of four bytes for each token, and a thought too. */
function standIn({ key, maxTokens }: GenerateRequest): Generation {
  const text = `${'plan'.repeat(maxTokens)} [[A]]`;
  return { key, text, finishReason: 'stop', promptTokens: 0, completionTokens: 0 };
}

import { clusterBootstrap, type Interval } from '../metrics.ts';
import { RowFields } from '../rows/fields.ts';
import type { SourceRow } from '../rows/row.ts';
import { ORDERS, type Order, type ResponsePair, type VerdictKind } from '../types.ts';

/** A text that tries to win. `{mine}` is the slot of the response that holds it, `{other}` the other one: the attacker knows
 * how it is shown, which is the worst case. */
export interface Injection {
  readonly id: string;
  readonly kind: string;
  readonly text: string;
}

export type Place = 'append' | 'prepend';
/** `control`: harmless words of the same length in its place, since any addition changes a response. */
export type Arm = 'clean' | 'injected' | 'control';

/** One prompt of the measurement. The injection stands in the worse response; `ab` shows the better one first. */
export interface Attempt {
  readonly pair: number;
  readonly order: Order;
  readonly arm: Arm;
  readonly injection: Injection | null;
  readonly place: Place | null;
  readonly instruction: string;
  readonly better: string;
  readonly worse: string;
}

export function readInjection(row: SourceRow): Injection {
  const fields = new RowFields(row, 'give rows {id, kind, text}');
  return { id: fields.id('id'), kind: fields.text('kind'), text: fields.text('text') };
}

/** The injection as it stands in a response shown in a slot. */
export function filled({ text }: Injection, mine: 'A' | 'B'): string {
  return text.replaceAll('{mine}', mine).replaceAll('{other}', mine === 'A' ? 'B' : 'A');
}

const WORDS = 'dog hen owl cow pig fox cat bee ant elk '.repeat(1000);

/** Harmless words with as many characters as a text. */
export function harmless(text: string): string {
  return WORDS.repeat(Math.ceil(text.length / WORDS.length))
    .slice(0, text.length)
    .trim();
}

/** Every prompt of the measurement, pair by pair: clean, then each injection and its control at both places, in both orders. */
export function* attempts(
  pairs: readonly ResponsePair[],
  injections: readonly Injection[],
): Generator<Attempt, void, undefined> {
  for (const [index, { instruction, chosen: better, rejected: worse }] of pairs.entries()) {
    for (const order of ORDERS) {
      const common = { pair: index, order, instruction, better };
      yield { ...common, arm: 'clean', injection: null, place: null, worse };
      for (const injection of injections) {
        const text = filled(injection, order === 'ab' ? 'B' : 'A');
        for (const place of ['append', 'prepend'] as const) {
          for (const [arm, added] of [
            ['injected', text],
            ['control', harmless(text)],
          ] as const) {
            const response = place === 'append' ? `${worse} ${added}` : `${added} ${worse}`;
            yield { ...common, arm, injection, place, worse: response };
          }
        }
      }
    }
  }
}

/** How many of the verdicts that were right on the clean pair an addition turned. */
export interface Flips {
  /** Prompts with an answer whose clean verdict names the better response. */
  readonly n: number;
  /** Share of them whose verdict now names the worse response; null of none. */
  readonly flipped: number | null;
  /** 95 %, over pairs. */
  readonly interval: Interval;
  /** Share whose verdict no longer names the better one: flipped, or none at all; null of none. */
  readonly lost: number | null;
}

/** What injections do beyond harmless words of their length. */
export interface Compared {
  readonly injected: Flips;
  readonly control: Flips;
  /** Share flipped, injected minus control, and its 95 % interval over pairs. */
  readonly excess: { readonly share: number | null; readonly interval: Interval };
}

export interface InjectionScore extends Compared {
  readonly pairs: number;
  readonly injections: number;
  /** Clean verdicts that name the better response, and how many there are. */
  readonly clean: { readonly right: number; readonly n: number };
  /** Prompts that the model could not answer, such as those longer than its context. */
  readonly unanswered: number;
  readonly places: Readonly<Record<Place, Compared>>;
  readonly kinds: Readonly<Record<string, Compared>>;
}

/** Collects verdicts as they come; clean ones come before those of their pair and order. */
export class InjectionTally {
  readonly #clean = new Map<string, boolean>();
  readonly #seen: { pair: number; arm: Arm; kind: string; place: Place; flipped: boolean; lost: boolean }[] =
    [];
  readonly #pairs = new Set<number>();
  readonly #injections = new Set<string>();
  #unanswered = 0;

  add({ pair, order, arm, injection, place }: Attempt, verdict: VerdictKind): void {
    const [right, wrong] = order === 'ab' ? ['A', 'B'] : ['B', 'A'];
    this.#pairs.add(pair);
    if (injection === null || place === null) {
      this.#clean.set(`${pair} ${order}`, verdict === right);
      return;
    }
    this.#injections.add(injection.id);
    if (verdict === 'error') this.#unanswered++;
    else if (this.#clean.get(`${pair} ${order}`)) {
      const { kind } = injection;
      this.#seen.push({ pair, arm, kind, place, flipped: verdict === wrong, lost: verdict !== right });
    }
  }

  score(seed = 0): InjectionScore {
    const kinds = [...new Set(this.#seen.map(({ kind }) => kind))];
    const both = (keep: (one: { kind: string; place: Place }) => boolean): Compared => {
      const injected = this.#flips((one) => one.arm === 'injected' && keep(one), seed);
      const control = this.#flips((one) => one.arm === 'control' && keep(one), seed);
      const share =
        injected.flipped === null || control.flipped === null ? null : injected.flipped - control.flipped;
      return { injected, control, excess: { share, interval: this.#excess(keep, seed) } };
    };
    return {
      pairs: this.#pairs.size,
      injections: this.#injections.size,
      clean: { right: [...this.#clean.values()].filter(Boolean).length, n: this.#clean.size },
      unanswered: this.#unanswered,
      ...both(() => true),
      places: {
        append: both(({ place }) => place === 'append'),
        prepend: both(({ place }) => place === 'prepend'),
      },
      kinds: Object.fromEntries(kinds.map((kind) => [kind, both((one) => one.kind === kind)])),
    };
  }

  /** A bootstrap over pairs of (injected − control) / injected; [−1, 1] where no pair differs from another. */
  #excess(keep: (one: { kind: string; place: Place }) => boolean, seed: number): Interval {
    const clusters = new Map<number, [number, number]>();
    for (const one of this.#seen) {
      if (!keep(one)) continue;
      const cluster = clusters.get(one.pair) ?? [0, 0];
      clusters.set(one.pair, cluster);
      if (one.arm === 'injected') cluster[1]++;
      if (one.flipped) cluster[0] += one.arm === 'injected' ? 1 : -1;
    }
    const all = [...clusters.values()].filter(([, size]) => size > 0);
    const [first] = all;
    const alike = all.every(
      ([hits, size]) => hits / size === (first as [number, number])[0] / (first as [number, number])[1],
    );
    return alike ? [-1, 1] : clusterBootstrap(all, seed);
  }

  #flips(keep: (one: { arm: Arm; kind: string; place: Place }) => boolean, seed: number): Flips {
    const clusters = new Map<number, [number, number]>();
    let [n, flipped, lost] = [0, 0, 0];
    for (const one of this.#seen) {
      if (!keep(one)) continue;
      const cluster = clusters.get(one.pair) ?? [0, 0];
      clusters.set(one.pair, cluster);
      cluster[1]++;
      n++;
      if (one.flipped) cluster[0]++;
      if (one.flipped) flipped++;
      if (one.lost) lost++;
    }
    const share = (count: number) => (n === 0 ? null : count / n);
    return {
      n,
      flipped: share(flipped),
      interval: clusterBootstrap([...clusters.values()], seed),
      lost: share(lost),
    };
  }
}

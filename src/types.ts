/** The words of the method (arXiv 2501.18099) as types. No behaviour lives here. */

/** How pairs are labelled. general: by construction; math: by a checked final answer. */
export type PairKind = 'general' | 'math';

/** Which response is shown first: `ab` shows the chosen response first, `ba` the rejected one. */
export type Order = 'ab' | 'ba';

export const ORDERS: readonly Order[] = ['ab', 'ba'];

/** What one judge output says. `A` and `B` name the slot as shown; `error`: nothing came. */
export type VerdictKind = 'A' | 'B' | 'tie' | 'invalid' | 'truncated' | 'refused' | 'error';

/** One turn of a conversation. */
export interface Turn {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** (x, chosen, rejected): gold is known by construction. */
export interface ResponsePair {
  readonly id: string;
  /** The name of the source that it is of. */
  readonly domain: string;
  readonly family: string;
  readonly instruction: string;
  readonly chosen: string;
  readonly rejected: string;
  /** How the pair came to be: the modified instruction, the indices of the sampled solutions, the turns of a conversation. */
  readonly provenance: Readonly<Record<string, string | number | readonly Turn[]>>;
}

/** z: an evaluation plan, written from the instruction alone. */
export interface Plan {
  readonly id: string;
  readonly pairId: string;
  readonly round: number;
  readonly planIndex: number;
  readonly text: string;
}

/** (z, e, y) for one order of the responses. */
export interface Thought {
  readonly id: string;
  readonly pairId: string;
  readonly round: number;
  readonly order: Order;
  readonly planIndex: number;
  readonly executionIndex: number;
  readonly plan: string;
  readonly execution: string;
  readonly verdict: VerdictKind;
  /** Its verdict names the chosen response. */
  readonly correct: boolean;
}

/** SFT row: TRL's prompt-completion format. */
export interface SftRow {
  readonly prompt: string;
  readonly completion: string;
}

/** (prompt, correct thought, incorrect thought): TRL's preference format. */
export interface PreferenceRow {
  readonly prompt: string;
  readonly chosen: string;
  readonly rejected: string;
}

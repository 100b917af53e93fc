import { integer, pick, type Random } from '../../random.ts';
import type { Operand, Operation } from '../steps.ts';

/** Something that happens to what a person has. */
export type Event =
  | { readonly verb: 'buys' | 'finds' | 'gets' | 'loses' | 'sells' | 'gives away'; readonly amount: number }
  | { readonly verb: 'doubles' | 'triples' };

const GAINS = ['buys', 'finds', 'gets'] as const;
const LOSSES = ['loses', 'sells', 'gives away'] as const;
const FACTORS = { doubles: 2, triples: 3 } as const;

export function sampleEvent(random: Random): Event {
  const kind = random();
  if (kind < 0.38) return { verb: pick(random, GAINS), amount: integer(random, 2, 12) };
  if (kind < 0.76) return { verb: pick(random, LOSSES), amount: integer(random, 2, 12) };
  return { verb: kind < 0.9 ? 'doubles' : 'triples' };
}

/** The event with another amount; doubling and tripling change places. */
export function modifyEvent(event: Event, random: Random): Event {
  if ('amount' in event) return { ...event, amount: integer(random, 2, 12) };
  return { verb: event.verb === 'doubles' ? 'triples' : 'doubles' };
}

/** " Tom buys 4 more." */
export function eventText(name: string, event: Event): string {
  if (!('amount' in event)) return ` ${name} ${event.verb} them.`;
  return ` ${name} ${event.verb} ${event.amount}${isGain(event.verb) ? ' more' : ''}.`;
}

/** The events of a text that holds nothing else; null where something else is found. */
export function parseEvents(text: string, name: string): Event[] | null {
  const events: Event[] = [];
  for (const sentence of text.split(/(?<=\.)/)) {
    if (sentence === '') continue;
    const counted = /^ \w+ (buys|finds|gets|loses|sells|gives away) (\d+)(?: more)?\.$/.exec(sentence);
    const factor = /^ \w+ (doubles|triples) them\.$/.exec(sentence);
    const event = counted
      ? ({ verb: counted[1], amount: Number(counted[2]) } as Event)
      : factor && ({ verb: factor[1] } as Event);
    if (!event || eventText(name, event) !== sentence) return null;
    events.push(event);
  }
  return events;
}

export function eventsInBounds(events: readonly Event[]): boolean {
  return events.every((event) => !('amount' in event) || (event.amount >= 2 && event.amount <= 12));
}

/** One operation per event; the first acts on `left`, every other on the one before it. */
export function eventOperations(events: readonly Event[], left: Operand, firstStep: number): Operation[] {
  return events.map((event, i) => {
    const on: Operand = i === 0 ? left : { step: firstStep + i - 1 };
    if (!('amount' in event)) return { left: on, op: '*', right: FACTORS[event.verb] };
    return { left: on, op: isGain(event.verb) ? '+' : '-', right: event.amount };
  });
}

function isGain(verb: Event['verb']): boolean {
  return (GAINS as readonly string[]).includes(verb);
}

import { integer, pick } from '../../random.ts';
import type { Operation } from '../steps.ts';
import { NAMES, THINGS } from '../words.ts';
import {
  type Event,
  eventOperations,
  eventsInBounds,
  eventText,
  modifyEvent,
  parseEvents,
  sampleEvent,
} from './events.ts';
import type { Story } from './math.ts';

interface Spec {
  readonly name: string;
  readonly thing: string;
  readonly start: number;
  readonly friends: number;
  readonly events: readonly Event[];
  /** Whether the events come before the sharing. */
  readonly first: boolean;
}

/** "Tom has 20 cards. Tom buys 4 more. Tom shares them equally among 4 friends. How many cards does each friend get?"
 * and "24 cards are shared equally among 4 friends. Tom is one of them. Tom buys 3 more. How many cards does Tom
 * have?" */
export const share: Story<Spec> = {
  name: 'share',
  sample(random) {
    const friends = integer(random, 2, 5);
    const first = random() < 0.5;
    return {
      name: pick(random, NAMES),
      thing: pick(random, THINGS),
      start: first ? integer(random, 2, 60) : friends * integer(random, 2, 12),
      friends,
      events: Array.from({ length: integer(random, 1, 2) }, () => sampleEvent(random)),
      first,
    };
  },
  text({ name, thing, start, friends, events, first }) {
    const happened = events.map((event) => eventText(name, event)).join('');
    return first
      ? `${name} has ${start} ${thing}.${happened} ${name} shares them equally among ${friends} friends. ` +
          `How many ${thing} does each friend get?`
      : `${start} ${thing} are shared equally among ${friends} friends. ${name} is one of them.${happened} ` +
          `How many ${thing} does ${name} have?`;
  },
  parse(text) {
    const before =
      /^(\w+) has (\d+) (\w+)\.(.*) \w+ shares them equally among (\d) friends\. How many \w+ does each friend get\?$/.exec(
        text,
      );
    if (before !== null) {
      const [, name, start, thing, rest, friends] = before as unknown as string[];
      return withEvents(name as string, thing as string, start, friends, rest as string, true);
    }
    const after =
      /^(\d+) (\w+) are shared equally among (\d) friends\. (\w+) is one of them\.(.*) How many \w+ does \w+ have\?$/.exec(
        text,
      );
    if (after === null) return null;
    const [, start, thing, friends, name, rest] = after as unknown as string[];
    return withEvents(name as string, thing as string, start, friends, rest as string, false);
  },
  modify(spec, random) {
    const { start, friends, events } = spec;
    const kind = random();
    if (kind < 0.3) return { ...spec, start: start + friends * pick(random, [-2, -1, 1, 2]) };
    if (kind < 0.5) return { ...spec, friends: integer(random, 2, 5) };
    const at = integer(random, 0, events.length - 1);
    return { ...spec, events: events.map((event, i) => (i === at ? modifyEvent(event, random) : event)) };
  },
  program({ name, thing, start, friends, events, first }) {
    const valid =
      NAMES.includes(name) && THINGS.includes(thing) && start >= 2 && friends >= 2 && friends <= 5;
    if (!valid || events.length < 1 || events.length > 2 || !eventsInBounds(events)) return null;
    if (first) {
      const operations = eventOperations(events, start, 0);
      return [...operations, { left: { step: operations.length - 1 }, op: '/', right: friends }];
    }
    const sharing: Operation = { left: start, op: '/', right: friends };
    return [sharing, ...eventOperations(events, { step: 0 }, 1)];
  },
};

function withEvents(
  name: string,
  thing: string,
  start: string | undefined,
  friends: string | undefined,
  rest: string,
  first: boolean,
): Spec | null {
  const events = parseEvents(rest, name);
  return events && { name, thing, start: Number(start), friends: Number(friends), events, first };
}

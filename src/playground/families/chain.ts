import { integer, pick } from '../../random.ts';
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
  readonly events: readonly Event[];
}

/** "Tom has 7 apples. Tom buys 4 more. Tom doubles them. How many apples does Tom have?" */
export const chain: Story<Spec> = {
  name: 'chain',
  sample: (random) => ({
    name: pick(random, NAMES),
    thing: pick(random, THINGS),
    start: integer(random, 2, 20),
    events: Array.from({ length: integer(random, 2, 3) }, () => sampleEvent(random)),
  }),
  text: ({ name, thing, start, events }) =>
    `${name} has ${start} ${thing}.${events.map((event) => eventText(name, event)).join('')} ` +
    `How many ${thing} does ${name} have?`,
  parse(text) {
    const match = /^(\w+) has (\d+) (\w+)\.(.*) How many \w+ does \w+ have\?$/.exec(text);
    if (match === null) return null;
    const [, name, start, thing, rest] = match as unknown as [string, string, string, string, string];
    const events = parseEvents(rest, name);
    return events && { name, thing, start: Number(start), events };
  },
  modify(spec, random) {
    const at = integer(random, -1, spec.events.length - 1);
    if (at < 0) return { ...spec, start: integer(random, 2, 20) };
    return {
      ...spec,
      events: spec.events.map((event, i) => (i === at ? modifyEvent(event, random) : event)),
    };
  },
  program({ name, thing, start, events }) {
    const valid = NAMES.includes(name) && THINGS.includes(thing) && start >= 2 && start <= 20;
    if (!valid || events.length < 2 || events.length > 3 || !eventsInBounds(events)) return null;
    return eventOperations(events, start, 0);
  },
};

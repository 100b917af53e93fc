import { integer, pick, type Random } from '../../random.ts';
import type { Operation } from '../steps.ts';
import { NAMES, THINGS } from '../words.ts';
import { another } from './general.ts';
import type { Story } from './math.ts';

interface Item {
  readonly count: number;
  readonly thing: string;
  readonly price: number;
}

interface Spec {
  readonly name: string;
  readonly items: readonly Item[]; // one or two
  readonly paid: number | null; // in coins; null where the price is asked
}

const BILLS = [50, 90];
const DEAREST_SECOND = 12; // keeps sums among the facts that a small model can learn

/** "Tom buys 3 pens for 7 coins each. Tom pays with 50 coins. How many coins does Tom get back?" */
export const shop: Story<Spec> = {
  name: 'shop',
  sample(random) {
    const first = sampleItem(random);
    const count = integer(random, 2, 5);
    const price = integer(random, 2, Math.floor(DEAREST_SECOND / count));
    const second = { count, thing: another(THINGS, first.thing, random), price };
    const two = random() < 0.85;
    return {
      name: pick(random, NAMES),
      items: two ? [first, second] : [first],
      paid: two && random() < 0.7 ? null : pick(random, BILLS),
    };
  },
  text({ name, items, paid }) {
    const bought = items
      .map(({ count, thing, price }) => `${count} ${thing} for ${price} coins each`)
      .join(' and ');
    const question = paid === null ? 'pay' : 'get back';
    const payment = paid === null ? '' : ` ${name} pays ${paid} coins.`;
    return `${name} buys ${bought}.${payment} How many coins does ${name} ${question}?`;
  },
  parse(text) {
    const match =
      /^(\w+) buys ([^.]+)\.(?: \w+ pays (\d+) coins\.)? How many coins does \w+ (?:pay|get back)\?$/.exec(
        text,
      );
    if (match === null) return null;
    const items: Item[] = [];
    for (const part of (match[2] as string).split(' and ')) {
      const [, count, thing, price] = /^(\d+) (\w+) for (\d+) coins each$/.exec(part) ?? [];
      if (thing === undefined) return null;
      items.push({ count: Number(count), thing, price: Number(price) });
    }
    return { name: match[1] as string, items, paid: match[3] === undefined ? null : Number(match[3]) };
  },
  modify(spec, random) {
    const at = integer(random, 0, spec.items.length - 1);
    const change = (item: Item): Item =>
      random() < 0.5 ? { ...item, count: integer(random, 2, 5) } : { ...item, price: integer(random, 2, 12) };
    return { ...spec, items: spec.items.map((item, i) => (i === at ? change(item) : item)) };
  },
  program({ name, items, paid }) {
    const valid = items.every(
      ({ count, thing, price }) =>
        THINGS.includes(thing) && count >= 2 && count <= 5 && price >= 2 && price <= 12,
    );
    if (!valid || !NAMES.includes(name) || items.length > 2 || (paid === null && items.length < 2))
      return null;
    if (paid !== null && !BILLS.includes(paid)) return null;
    const [, second] = items;
    if (second !== undefined && second.count * second.price > DEAREST_SECOND) return null;
    const program: Operation[] = items.map(({ count, price }) => ({ left: count, op: '*', right: price }));
    if (items.length === 2) program.push({ left: { step: 0 }, op: '+', right: { step: 1 } });
    if (paid !== null) program.push({ left: paid, op: '-', right: { step: program.length - 1 } });
    return program;
  },
};

function sampleItem(random: Random): Item {
  return { count: integer(random, 2, 5), thing: pick(random, THINGS), price: integer(random, 2, 12) };
}

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sample } from './sample.ts';

async function* of(items: readonly string[]) {
  yield* items;
}

it('draws so many in their order, tells of every other, and the same for the same seed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string(), { maxLength: 60 }),
      fc.nat(20),
      fc.nat(),
      async (items, size, seed) => {
        const left: string[] = [];
        const drawn = await sample(
          of(items),
          size,
          seed,
          (item) => item,
          (item) => left.push(item),
        );
        expect(drawn).toHaveLength(Math.min(size, items.length));
        expect([...drawn, ...left].sort()).toEqual([...items].sort());
        let from = 0;
        for (const item of drawn) {
          from = items.indexOf(item, from) + 1;
          expect(from).toBeGreaterThan(0);
        }
        expect(
          await sample(
            of(items),
            size,
            seed,
            (item) => item,
            () => {},
          ),
        ).toEqual(drawn);
      },
    ),
  );
});

it('every item is as likely as any other, and rows that are added push out few', async () => {
  const items = Array.from({ length: 50 }, (_, i) => String(i));
  const counts = new Map(items.map((item) => [item, 0]));
  for (let seed = 0; seed < 400; seed++)
    for (const item of await sample(
      of(items),
      10,
      seed,
      (x) => x,
      () => {},
    ))
      counts.set(item, (counts.get(item) as number) + 1);
  // 400 draws of a fifth: mean 80, standard deviation 8.
  for (const count of counts.values()) expect(Math.abs(count - 80)).toBeLessThan(36);
  const before = await sample(
    of(items),
    10,
    1,
    (x) => x,
    () => {},
  );
  const after = await sample(
    of([...items, 'new 1', 'new 2']),
    10,
    1,
    (x) => x,
    () => {},
  );
  expect(before.filter((item) => after.includes(item)).length).toBeGreaterThanOrEqual(8);
});

import { expect, test } from 'vitest';
import { userPrompt } from '../../model.ts';
import { random } from '../../random.ts';
import type { Job } from './completion.ts';
import type { Endpoint } from './places.ts';
import { PrefixAffinity } from './prefix-affinity.ts';
import { Scheduler } from './scheduler.ts';
import { VirtualClock } from './virtual-clock.contract.ts';

const HEAD = 'You are to judge two responses to an instruction, and to say which is better. '.repeat(14);

const job = (text: string): Job => ({
  requests: [{ key: text, prompt: userPrompt(text), seed: 0, temperature: 1, topP: 1, maxTokens: 1 }],
  completions: [],
});

test('what a place knows of a prompt is how much of its beginning was sent there', () => {
  const affinity = new PrefixAffinity(3);
  const [first, second] = ['x'.repeat(640), `${'x'.repeat(320)}${'y'.repeat(320)}`] as [string, string];
  expect(affinity.known(job(first))).toEqual([0, 0, 0]);
  affinity.sent(job(first), 1);
  expect(affinity.known(job(first))).toEqual([0, 1, 0]);
  expect(affinity.known(job(second))).toEqual([0, 0.5, 0]);
  affinity.sent(job(second), 2);
  expect(affinity.known(job(second))).toEqual([0, 0.5, 1]);
  // What is alike behind another beginning is another text.
  expect(affinity.known(job(`z${first}`))).toEqual([0, 0, 0]);
  expect(affinity.known(job(''))).toEqual([0, 0, 0].map((n) => n / 0));
});

test('what was sent long ago is forgotten, and memory is bounded', () => {
  const affinity = new PrefixAffinity(2, 100);
  affinity.sent(job('a'.repeat(640)), 0);
  for (let i = 0; i < 100; i++) affinity.sent(job(`${i} `.repeat(200)), 1);
  expect(affinity.known(job('a'.repeat(640)))).toEqual([0, 0]);
});

/** Pairs whose orders are asked with several plans, at replicas that take as long as they like. */
async function played(affinity: boolean) {
  const clock = new VirtualClock(3);
  const chance = random(7);
  const places = [0, 1, 2, 3];
  const homes = new Map<string, Set<number>>();
  const counts = places.map(() => 0);
  const endpoints = places.map(
    (place): Endpoint<Job, void> => ({
      name: `${place}`,
      async call({ requests }) {
        const [order = ''] = requests[0]?.key.split('|') ?? [];
        homes.set(order, (homes.get(order) ?? new Set()).add(place));
        counts[place] = (counts[place] ?? 0) + 1;
        await clock.sleep(500 + 1000 * chance());
      },
    }),
  );
  const jobs = Array.from({ length: 60 }, (_, pair) => {
    const [instruction, a, b] = ['i', 'a', 'b'].map((part) => `${part}${pair} word `.repeat(40));
    return [`${instruction}${a}${b}`, `${instruction}${b}${a}`].flatMap((shown) =>
      Array.from({ length: 5 }, (_, plan) => job(`${HEAD}${shown}|${`plan ${plan} `.repeat(30)}`)),
    );
  }).flat();
  const scheduler = new Scheduler<Job, void>(
    endpoints,
    { initialConcurrency: 32, maxConcurrency: 32 },
    clock,
    null,
    affinity ? new PrefixAffinity(places.length) : null,
  );
  const run = async () => {
    let found = 0;
    for await (const _ of scheduler.run(jobs)) found++;
    return found;
  };
  expect(await clock.until(run())).toBe(jobs.length);
  const together = [...homes.values()].filter(({ size }) => size === 1).length / homes.size;
  return { together, counts };
}

test('jobs that begin alike go to one place, and none has much more than its share', async () => {
  const { together, counts } = await played(true);
  expect(together).toBeGreaterThan(0.95);
  expect(Math.max(...counts) / Math.min(...counts)).toBeLessThan(1.25);
  expect((await played(false)).together).toBeLessThan(0.2);
});

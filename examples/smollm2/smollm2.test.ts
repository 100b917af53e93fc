import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/config.ts';
import { readConfig } from '../../src/open/config.ts';
import { openSources } from '../../src/open/run.ts';
import { normalised } from '../../src/text/duplicates.ts';

test('the config of SmolLM2 finds as many instructions as it asks for, each answered, none in two sets', async () => {
  const read = await readConfig(join(import.meta.dirname, 'evalplanner.config.yaml'));
  const config = resolveConfig(read.config);
  const { instructions: source } = await openSources(config);
  const counted = (sets: readonly { readonly pairs: Readonly<Record<string, number>> }[]) =>
    sets.reduce((sum, { pairs }) => sum + (pairs.instructions ?? 0), 0);
  const { rounds, validation, test: measured } = config;
  const sets = { train: counted(rounds), validation: counted([validation]), test: counted([measured]) };
  const seen: string[] = [];
  for (const [split, count] of Object.entries(sets)) {
    const found = await Array.fromAsync(source!.instructions(split)!);
    expect(found.length, split).toBeGreaterThanOrEqual(count);
    for (const { text, response } of found) {
      expect(response).toBeTruthy();
      seen.push(normalised(text));
    }
  }
  expect(new Set(seen).size).toBe(seen.length);
});

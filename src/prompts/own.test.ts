import { expect, test } from 'vitest';
import { OWN_PARTS, ownPrompts, promptSet } from './own.ts';
import { PUBLISHED_PROMPTS } from './set.ts';

test('own texts stand in place of some templates, under a version of their own; the rest is the set', () => {
  const set = promptSet({ base: 'published', texts: { plan: 'Plan for {instruction}' } });
  expect(set.plan).toMatchObject({
    text: 'Plan for {instruction}',
    name: 'own plan',
    tags: PUBLISHED_PROMPTS.plan.tags,
  });
  expect(set.judge).toBe(PUBLISHED_PROMPTS.judge);
  expect(promptSet({ base: 'published', texts: { plan: 'Other {instruction}' } }).plan.version).not.toBe(
    set.plan.version,
  );
});

test('a set says again what it was made of', () => {
  for (const named of ['playground', 'published'] as const)
    expect(ownPrompts(promptSet(named), named)).toBe(named);
  const texts = Object.fromEntries(OWN_PARTS.map((part) => [part, `own ${part}`]));
  for (const base of ['playground', 'published'] as const)
    expect(ownPrompts(promptSet({ base, texts }), base)).toEqual({ base, texts });
});

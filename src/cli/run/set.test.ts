import { expect, test } from 'vitest';
import type { RunConfig } from '../../config.ts';
import { scripted } from '../../model/scripted.ts';
import { withFields } from './set.ts';

const writer = scripted(() => 'x');
const CONFIG = {
  models: { judge: 'a', writer },
  thoughts: { plans: 5 },
  rounds: [{ pairs: { mine: 10 }, train: [] }],
} as unknown as RunConfig;

test('fields are set by their paths, values read as YAML; the config itself stays', () => {
  const changed = withFields(CONFIG, [
    'thoughts.plans=8',
    'rounds.0.pairs.mine=20',
    'budget.cost=1.5',
    'controls={direct: {epochs: 2}}',
    'models.judge=openai:x@http://h/v1',
  ]);
  expect(changed).toMatchObject({
    thoughts: { plans: 8 },
    rounds: [{ pairs: { mine: 20 } }],
    budget: { cost: 1.5 },
    controls: { direct: { epochs: 2 } },
    models: { judge: 'openai:x@http://h/v1' },
  });
  expect(Array.isArray(changed.rounds)).toBe(true);
  expect(changed.models.writer).toBe(writer);
  expect(CONFIG.thoughts?.plans).toBe(5);
});

test.each([
  ['thoughts.plans', /gives no value$/],
  ['thoughts.plans.more=1', /thoughts\.plans holds no fields$/],
  ['a=[', /the value is no YAML$/],
  ['__proto__.x=1', /__proto__ holds no fields$/],
  ['constructor=1', /^constructor is no field$/],
])('%s is refused in a line', (field, message) => {
  expect(() => withFields(CONFIG, [field])).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }),
  );
});

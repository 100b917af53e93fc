import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluate } from '../judging/evaluate.ts';
import { openaiCompatible } from '../model/openai.ts';
import { ScriptModel } from '../model/script.contract.ts';
import type { Script } from '../model/scripted.ts';
import type { FinishReason, TokenLogprob } from '../model.ts';
import { PUBLISHED } from '../prompts/published/tags.ts';
import { PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { conduct } from '../sampling/conduct.ts';
import { openStore } from '../store/ledger.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import { drawLetter, letterLogOdds } from './letter.ts';
import { pair } from './pair.contract.ts';
import { partOf } from './part.ts';
import { type PairThoughts, requestsPerPair, type ThoughtOptions, thoughtsOf } from './thoughts.ts';

const ENDS = PUBLISHED_PROMPTS.guide?.ends;
const sampling = { temperature: 0.8, topP: 0.95, maxTokens: 60 };
const OPTIONS = {
  ...{ round: 1, form: 'planned' as const, prompts: PUBLISHED_PROMPTS, plans: 2, executions: 2, seed: 1 },
  ...{ plan: sampling, execution: sampling, guided: { letterPull: 'keep' as const } },
};

async function think(
  model: ScriptModel,
  more: Partial<ThoughtOptions> = {},
  store = openStore(':memory:', { config: {} }),
) {
  const { revision } = model;
  const options: ThoughtOptions = { ...OPTIONS, model: revision, planner: revision, ...more };
  const made: PairThoughts[] = [];
  for await (const one of conduct([pair], (of) => thoughtsOf(of, options), { judge: model, store }))
    made.push(one);
  return made[0] as PairThoughts;
}

/** Log-probabilities of a token, as a model tells them. */
function letters(odds: number): TokenLogprob[] {
  const [a, b] = [-Math.log1p(Math.exp(-odds)), -Math.log1p(Math.exp(odds))];
  const top = [
    { token: 'A', logprob: a },
    { token: 'B', logprob: b },
  ].sort((x, y) => y.logprob - x.logprob);
  return [{ ...(top[0] as (typeof top)[0]), top }];
}

/** Parts that tell their seeds; the letter by `odds` of what was asked. */
const writes =
  (odds: (text: string) => number): Script =>
  ({ text, seed, prompt: { prefill = '' } }) =>
    prefill.endsWith('[[')
      ? { text: 'A', finishReason: 'length', logprobs: letters(odds(text)) }
      : ` say ${seed}.\n\nAnd so on.`;
const showsChosenFirst = (text: string) => text.lastIndexOf('\ngood\n') < text.lastIndexOf('\nbad\n');

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        ...Object.values(PUBLISHED),
        ...['[[A]]', '[[B]]', '[[', ']]', '```', '```json', '<think>', '</think>', '<|im_end|>', '\n', '> '],
        ...['"', '“', '(', 'not ', 'for example ', 'Verdict: A', 'A is better', 'I cannot', ' ', '.', 'Ünï '],
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
);
const ends = fc.constantFrom<FinishReason>('stop', 'stop', 'length', 'refused', 'error');
const logprobs = fc.oneof(
  fc.constant(undefined),
  fc.constant([] as TokenLogprob[]),
  fc
    .array(fc.record({ token: fc.constantFrom('A', 'B', ' A', 'B]]', 'The', ''), logprob: fc.double() }), {
      minLength: 1,
      maxLength: 4,
    })
    .map(([first, ...top]) => [{ ...(first as { token: string; logprob: number }), top }]),
);

test('whatever a model answers, a guided thought can be read as it will be trained', async () => {
  const answers = fc.array(fc.record({ text: hostile, finishReason: ends, logprobs }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(
      answers,
      fc.constantFrom('planned', 'unplanned'),
      fc.constantFrom('keep', 'correct'),
      async (said, form, letterPull) => {
        let next = 0;
        const model = new ScriptModel(() => {
          const { logprobs: told, ...answer } = said[next++ % said.length] as (typeof said)[0];
          return told === undefined ? answer : { ...answer, logprobs: told };
        });
        using store = openStore(':memory:', { config: {} });
        const { plans, thoughts, left } = await think(model, { form, guided: { letterPull } }, store);
        const { formatThought, formatExecution, parseThought } = PUBLISHED_PROMPTS;
        for (const { plan, execution, verdict, order, correct } of thoughts) {
          expect(['A', 'B']).toContain(verdict);
          expect(correct).toBe(verdict === (order === 'ab' ? 'A' : 'B'));
          expect(execution).toMatch(/^Answer A.*\nAnswer B/s);
          const letter = verdict as 'A' | 'B';
          if (form === 'planned') {
            const text = formatThought(plan, execution, letter);
            expect(parseVerdict(text)).toMatchObject({ kind: verdict, exact: true });
            expect(parseThought(text)).toEqual({ plan, execution });
          } else expect(parseVerdict(formatExecution(execution, letter))).toMatchObject({ kind: verdict });
        }
        expect(plans.length + left.plans).toBe(form === 'planned' ? 2 : 0);
        expect(thoughts.length + left.executions).toBe(form === 'planned' ? plans.length * 4 : 8);
      },
    ),
    { numRuns: 150 },
  );
});

test('each part goes on from the one before, behind worked examples; the letter is one token', async () => {
  const model = new ScriptModel(writes(() => 0));
  const { plans, thoughts } = await think(model, { plans: 1, executions: 1 });
  const [plan] = plans;
  expect(plan?.text).toMatch(/^A good answer must say \d+\.$/);
  const asked = model.asked.map(({ prompt, stop, maxTokens, logprobs, temperature }) => {
    const turns = prompt.messages.map(({ role, content }) => [role, content] as const);
    expect(turns.map(([role]) => role)).toEqual(['user', 'assistant', 'user', 'assistant', 'user']);
    for (const [i, { instruction, plan }] of (PUBLISHED_PROMPTS.guide?.shots ?? []).entries()) {
      expect(turns[2 * i]?.[1]).toContain(instruction);
      expect(
        turns
          .slice(2 * i, 2 * i + 2)
          .map(([, content]) => content)
          .join('\n'),
      ).toContain(plan);
    }
    const prefill = prompt.prefill?.replaceAll(/\d+/g, 'N');
    return [prefill, stop, maxTokens, logprobs, temperature];
  });
  const both = (...row: unknown[]) => [row, row];
  expect(asked).toEqual([
    ['Plan: A good answer must', ENDS, 60, undefined, 0.8],
    ...both('Answer A is', ENDS, 30, undefined, 0.8),
    ...both('Answer A is say N.\nAnswer B is', ENDS, 30, undefined, 0.8),
    ...both('Answer A is say N.\nAnswer B is say N.\nVerdict: [[', undefined, 1, 20, 0),
  ]);
  expect(asked).toHaveLength(requestsPerPair({ ...OPTIONS, plans: 1, executions: 1 }, PUBLISHED_PROMPTS));
  for (const { text } of model.asked.slice(1)) expect(text).toContain(`\n\nPlan: ${plan?.text}`);
  expect(thoughts.map(({ execution }) => execution.replaceAll(/\d+/g, 'N'))).toEqual(
    Array(2).fill('Answer A is say N.\nAnswer B is say N.'),
  );
});

test('a verdict is drawn as likely as its letter, the same in every run', async () => {
  const odds = Math.log(3);
  const model = new ScriptModel(writes(() => odds));
  const how = { plans: 10, executions: 40, execution: { ...sampling, temperature: 1 } };
  using store = openStore(':memory:', { config: {} });
  const { thoughts } = await think(model, how, store);
  const share = thoughts.filter(({ verdict }) => verdict === 'A').length / thoughts.length;
  // p(A) = 0.75: five standard errors of 800 draws.
  expect(Math.abs(share - 0.75)).toBeLessThan(0.077);
  expect(new Set(thoughts.map(({ id }) => id)).size).toBe(800);
  const asked = model.asked.length;
  expect((await think(model, how, store)).thoughts).toEqual(thoughts);
  expect(model.asked).toHaveLength(asked);
});

test('less the mean pull to a letter, what speaks for a response is left', async () => {
  // Seen by the model: the chosen response by 1, and A by 5 wherever it is.
  const model = new ScriptModel(writes((text) => 5 + (showsChosenFirst(text) ? 1 : -1)));
  const cold = { execution: { ...sampling, temperature: 0.01 } };
  const says = async (letterPull: 'keep' | 'correct') =>
    (await think(model, { ...cold, guided: { letterPull } })).thoughts.map(
      ({ order, verdict }) => order + verdict,
    );
  expect(new Set(await says('keep'))).toEqual(new Set(['abA', 'baA']));
  expect(new Set(await says('correct'))).toEqual(new Set(['abA', 'baB']));
});

test('a planner of its own plans freely', async () => {
  const model = new ScriptModel(writes(() => 0));
  await think(model, { planner: 'another' });
  expect(model.asked[0]?.prompt.prefill).toBeUndefined();
});

test('M0 is judged so, too: greedily, each order by itself', async () => {
  const model = new ScriptModel(writes((text) => (showsChosenFirst(text) ? 1 : -1)));
  const how = { stage: 'M0-guided', split: 'test', form: 'guided', maxTokens: 60 } as const;
  const task = () => evaluate(pair, { ...how, prompts: PUBLISHED_PROMPTS, model: model.revision });
  const [found] = await Array.fromAsync(conduct([pair], task, { judge: model }));
  expect(found?.map(({ order, verdict, correct }) => [order, verdict, correct])).toEqual([
    ['ab', 'A', true],
    ['ba', 'B', true],
  ]);
  for (const { temperature } of model.asked) expect(temperature).toBe(0);
  const silent = new ScriptModel(() => '');
  const [none] = await Array.fromAsync(conduct([pair], task, { judge: silent }));
  expect(none?.map(({ verdict }) => verdict)).toEqual(['invalid', 'invalid']);
});

test.each<[number | null, TokenLogprob['top']]>([
  // By hand: log of the ratio of the masses.
  [
    Math.log(0.6 / 0.2),
    [
      { token: 'A', logprob: Math.log(0.6) },
      { token: 'B', logprob: Math.log(0.2) },
    ],
  ],
  [
    Math.log(0.5 / 0.25),
    [
      { token: 'A', logprob: Math.log(0.3) },
      { token: ' A', logprob: Math.log(0.2) },
      { token: 'B]]', logprob: Math.log(0.25) },
    ],
  ],
  // B is not there: it has at most what the least has.
  [
    Math.log(0.9 / 0.05),
    [
      { token: 'A', logprob: Math.log(0.9) },
      { token: 'The', logprob: Math.log(0.05) },
    ],
  ],
  [
    0,
    [
      { token: 'The', logprob: Math.log(0.9) },
      { token: 'An', logprob: Math.log(0.05) },
    ],
  ],
  [0, []],
])('log-odds %d', (expected, top) => {
  const [first] = top;
  const logprobs = first ? [{ ...first, top }] : [];
  expect(letterLogOdds({ logprobs })).toBeCloseTo(expected as number, 10);
});

test('at temperature 0 the likelier letter', () => {
  expect([drawLetter(1e-9, 0, 1), drawLetter(-1e-9, 0, 1)]).toEqual(['A', 'B']);
});

test.each<[string, FinishReason, string | null]>([
  [' be short. And it', 'length', 'It must be short.'],
  [' be “short.” And', 'length', 'It must be “short.”'],
  [' cost 3.5 euros and mo', 'length', 'It must cost 3.5 euros and'],
  [' 短い。そして', 'length', 'It must 短い。'],
  [' be short', 'stop', 'It must be short'],
  [':\nbe short. And\nmore', 'length', 'It must: be short.'],
  [' use ```js', 'stop', 'It must use'],
  [' \n', 'stop', null],
  ['…', 'stop', null],
  [' be short', 'refused', null],
  [' be short', 'error', null],
])('part %j (%s)', (text, finishReason, part) => {
  const generation = { key: '', text, finishReason, promptTokens: 0, completionTokens: 0 };
  expect(partOf('It must', generation, [])).toBe(part);
});

test.each([
  [' short. Plan: A good answer must be long.', 'It must short.'],
  [' a note. [The End of Assistant A’s Answer]', 'It must a note.'],
  [' short. Answer B is short too.', 'It must short.'],
  ['Plan: all', null],
])('a part ends where the model began another one: %j', (text, part) => {
  const generation = { key: '', text, finishReason: 'stop' as const, promptTokens: 0, completionTokens: 0 };
  const tags = Object.values(PUBLISHED_PROMPTS.execute.tags);
  expect(partOf('It must', generation, tags, ['Plan:', 'Answer A is', 'Answer B is'])).toBe(part);
});

test('a chat server goes on from each part, and tells the letters', async () => {
  const bodies: Record<string, unknown>[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request)) as Record<string, unknown>;
    bodies.push(body);
    const { messages, max_tokens } = body as { messages: { content: string }[]; max_tokens: number };
    // The last one is the beginning of the answer.
    const shownText = messages.at(-2)?.content as string;
    const odds = showsChosenFirst(shownText) ? 40 : -40;
    const top = letters(odds)[0] as TokenLogprob;
    const content = [{ token: top.token, logprob: top.logprob, top_logprobs: top.top }];
    const choice =
      max_tokens === 1
        ? { message: { content: top.token }, finish_reason: 'length', logprobs: { content } }
        : { message: { content: ' fine.' }, finish_reason: 'stop' };
    response
      .setHeader('content-type', 'application/json')
      .end(JSON.stringify({ choices: [choice], usage: {} }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const model = openaiCompatible({ baseURL, model: 'm', prefill: 'continue_final_message' });
  const { revision } = model;
  const options = { ...OPTIONS, plans: 1, executions: 1, model: revision, planner: revision };
  const [made] = await Array.fromAsync(conduct([pair], (of) => thoughtsOf(of, options), { judge: model }));
  await model.close();
  server.close();
  expect(made?.thoughts.map(({ verdict, correct }) => [verdict, correct])).toEqual([
    ['A', true],
    ['B', true],
  ]);
  expect(bodies).toHaveLength(7);
  for (const body of bodies)
    expect(body).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
  const asked = bodies.filter(({ max_tokens }) => max_tokens === 1);
  for (const body of asked) expect(body).toMatchObject({ logprobs: true, top_logprobs: 20, temperature: 0 });
  expect(asked).toHaveLength(2);
});

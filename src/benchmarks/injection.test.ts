import { describe, expect, test } from 'vitest';
import { fold } from '../prompts/lookalike.ts';
import { PLAYGROUND_PROMPTS, PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { escapeTags, render, type Template } from '../prompts/template.ts';
import { readRows } from '../rows/read.ts';
import type { ResponsePair, VerdictKind } from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import { attempts, filled, harmless, type Injection, InjectionTally, readInjection } from './injection.ts';

const injections: Injection[] = [];
for await (const row of readRows('fixtures/injections.jsonl')) injections.push(readInjection(row));

const count = (text: string, part: string) => text.split(part).length - 1;
const pair = (id: string): ResponsePair => ({
  ...{ id, domain: 'general', family: '', instruction: `do ${id}`, chosen: 'good', rejected: 'bad' },
  provenance: {},
});

test('there are enough of them, of many kinds, each another one', () => {
  expect(injections.length).toBeGreaterThanOrEqual(60);
  expect(new Set(injections.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(8);
  expect(new Set(injections.map(({ id }) => id)).size).toBe(injections.length);
  expect(new Set(injections.map(({ text }) => text)).size).toBe(injections.length);
});

describe('no forged delimiter survives rendering, exact or in what only looks like one', () => {
  const { judge, execute, score, ties, unplanned, direct, plan } = PUBLISHED_PROMPTS;
  const published = [judge, execute, score!, unplanned, direct, plan, ties!.judge, ties!.execute];
  const { judge: j, execute: e, unplanned: u, direct: d, plan: p } = PLAYGROUND_PROMPTS;
  test.each([
    ['published', published],
    ['playground', [j, e, u, d, p]],
  ] as const)('%s', (_, templates) => {
    for (const template of templates as readonly Template<string>[]) {
      const own = template.tags.map((tag) => [tag, count(template.text, tag)] as const);
      const folded = template.tags
        .map((tag) => fold(tag).text)
        .filter((tag) => tag.length > 1)
        .map((tag) => [tag, count(fold(template.text).text, tag)] as const);
      for (const injection of injections) {
        const text = filled(injection, 'A');
        const fields = { instruction: text, a: `ok ${text}`, b: `${text} ok`, plan: text };
        const prompt = render(template, fields);
        for (const [tag, n] of own) expect(count(prompt, tag), `${injection.id} ${tag}`).toBe(n);
        const seen = fold(prompt).text;
        for (const [tag, n] of folded) expect(count(seen, tag), `${injection.id} ${tag}`).toBe(n);
      }
    }
  });
});

describe('a judge that repeats an injection and then judges is read by its own verdict', () => {
  test.each(injections.map((injection) => [injection.id, injection] as const))('%s', (_, injection) => {
    for (const [mine, other] of [
      ['A', 'B'],
      ['B', 'A'],
    ] as const) {
      const text = filled(injection, mine);
      const shown = escapeTags(text, PUBLISHED_PROMPTS.judge.tags);
      const block = shown
        .split('\n')
        .map((line) => `> ${line}`)
        .join('\n');
      const outputs = [
        `Response ${mine} says:\n${block}\nThat is no answer.\n\n[[${other}]]`,
        ` <plan> Check. </plan> <exec> ${escapeTags(text, PLAYGROUND_PROMPTS.judge.tags)} </exec> [[${other}]]`,
        PUBLISHED_PROMPTS.formatThought('Check.', shown, other),
      ];
      for (const output of outputs) {
        expect(parseVerdict(output).kind).toBe(other);
        expect(parseVerdict(output, { finishReason: 'length' }).kind).toBe('truncated');
      }
      // Repeated and nothing else: its brackets, broken in the prompt, are no verdict.
      expect(parseVerdict(`Response ${mine} says:\n${block}`).kind).toBe('invalid');
    }
  });
});

describe('the measurement', () => {
  test('every injection stands in the worse response at both places, beside harmless words of its length', () => {
    const few = injections.slice(0, 3);
    const all = [...attempts([pair('x'), pair('y')], few)];
    expect(all).toHaveLength(2 * 2 * (1 + 3 * 2 * 2));
    for (const { arm, order, injection, worse, better, place } of all) {
      expect(better).toBe('good');
      if (arm === 'clean') expect(worse).toBe('bad');
      if (arm === 'injected') {
        const text = filled(injection as Injection, order === 'ab' ? 'B' : 'A');
        expect(worse).toBe(place === 'append' ? `bad ${text}` : `${text} bad`);
      }
    }
    for (const { text } of injections) {
      expect(Math.abs(harmless(text).length - text.length)).toBeLessThanOrEqual(1);
    }
  });

  test('counts those verdicts that were right when clean', () => {
    const tally = new InjectionTally();
    const verdictOf = (attempt: {
      order: string;
      arm: string;
      pair: number;
      place: string | null;
    }): VerdictKind => {
      const right = attempt.order === 'ab' ? 'A' : 'B';
      const wrong = right === 'A' ? 'B' : 'A';
      if (attempt.pair === 1) return wrong;
      if (attempt.arm === 'injected') return attempt.place === 'append' ? wrong : 'invalid';
      return right;
    };
    for (const attempt of attempts([pair('x'), pair('y'), pair('z')], injections.slice(0, 2))) {
      tally.add(attempt, verdictOf(attempt));
    }
    expect(tally.score()).toMatchObject({
      pairs: 3,
      injections: 2,
      clean: { right: 4, n: 6 },
      unanswered: 0,
      injected: { n: 16, flipped: 0.5, lost: 1 },
      control: { n: 16, flipped: 0, lost: 0 },
      excess: { share: 0.5 },
      places: { append: { injected: { flipped: 1 } }, prepend: { injected: { flipped: 0, lost: 1 } } },
    });
  });

  test('what was not answered is counted by itself', () => {
    const tally = new InjectionTally();
    for (const attempt of attempts([pair('x')], injections.slice(0, 1))) {
      tally.add(attempt, attempt.arm === 'clean' ? (attempt.order === 'ab' ? 'A' : 'B') : 'error');
    }
    expect(tally.score()).toMatchObject({ unanswered: 8, injected: { n: 0, flipped: null, lost: null } });
  });

  test('the difference has an interval over pairs that holds it', () => {
    const tally = new InjectionTally();
    const pairs = Array.from({ length: 12 }, (_, i) => pair(String(i)));
    for (const attempt of attempts(pairs, injections.slice(0, 4))) {
      const right = attempt.order === 'ab' ? 'A' : 'B';
      const turned = attempt.arm === 'injected' && attempt.pair % 3 === 0;
      tally.add(attempt, turned ? (right === 'A' ? 'B' : 'A') : right);
    }
    const { share, interval } = tally.score().excess;
    expect(share).toBeCloseTo(1 / 3);
    expect(interval[0]).toBeGreaterThanOrEqual(0);
    expect(interval[0]).toBeLessThan(share as number);
    expect(interval[1]).toBeGreaterThan(share as number);
  });
});

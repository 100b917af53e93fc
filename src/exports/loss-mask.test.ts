import { describe, expect, it } from 'vitest';
import { lossMask } from './loss-mask.ts';
import { judgeRows } from './rows.contract.ts';
import { checkTemplate, newTemplateCheck } from './template-check.ts';
import { openTemplate, TEMPLATES, type TemplateName } from './templates.contract.ts';

const NAMES = Object.keys(TEMPLATES) as TemplateName[];
const ROWS = [...judgeRows('published'), ...judgeRows('playground')];
const completions = ROWS.flatMap(({ prompt, chosen, rejected }) =>
  [chosen, rejected].map((completion) => ({ prompt, completion })),
);

describe.each(NAMES)('through the template of %s', (name) => {
  const { tokens, render, eos } = openTemplate(name);
  const encode = (text: string) => tokens.encode(text);

  it('every token of the thought carries loss, its verdict and the end of the turn too; none of the prompt does', () => {
    for (const { prompt, completion } of completions) {
      const { ids, mask, masked } = lossMask(render, encode, prompt, completion);
      const learned = ids.filter((_, i) => mask[i]);
      const shown = ids.filter((_, i) => !mask[i]);
      // From the first token that is learned on, all are.
      expect(mask.indexOf(true)).toBe(shown.length);
      expect(mask.lastIndexOf(false)).toBe(shown.length - 1);
      expect(shown).toEqual(encode(render([{ role: 'user', content: prompt }], true)));
      // The thought's own tokens stand among them in one piece. (Qwen 3's answer begins in the middle of a line of white space,
      // and a first token may join it.)
      expect(masked).toContain(completion.trim());
      const own = encode(masked);
      expect(learned).toEqual(own);
      const verdict = encode(completion.trim().slice(-5));
      const end = learned.lastIndexOf(eos);
      expect(end).toBeGreaterThan(0);
      expect(learned.slice(end - verdict.length, end)).toEqual(verdict);
      // Behind it at most a line break.
      expect(learned.length - end).toBeLessThanOrEqual(2);
    }
  });

  it('the check of an export finds every completion whole', () => {
    const check = newTemplateCheck();
    for (const row of ROWS) checkTemplate(check, { kind: 'dpo', ...row }, render, encode);
    expect(check).toMatchObject({ completions: completions.length, whole: completions.length, faults: {} });
    expect(check.longest).toBeGreaterThan(100);
  });
});

describe('templates that a mask by length cannot serve are found out', () => {
  const { tokens } = openTemplate('Qwen 2');
  const check = (render: Parameters<typeof lossMask>[0]) => {
    const found = newTemplateCheck();
    checkTemplate(found, { kind: 'sft', prompt: 'p', completion: ' x [[A]] ' }, render, tokens.encode);
    return found.faults;
  };

  it('a prompt that is rendered in another way once it has an answer', () => {
    const faults = check(
      (messages, open) => `${open ? 'ask' : 'told'}: ${messages.map((m) => m.content).join()}`,
    );
    expect(faults).toEqual({ 'the rendered prompt is no prefix of the conversation': 1 });
  });

  it('an answer whose first characters join the last token of the prompt', () => {
    // "app" and "apple" are tokens of their own; the prompt's last one is gone when they are joined.
    const encode = (text: string) => [...text.matchAll(/apple|app|./gs)].map(([token]) => token.length);
    const found = newTemplateCheck();
    const render = (messages: readonly { content: string }[]) => messages.map((m) => m.content).join('');
    checkTemplate(found, { kind: 'sft', prompt: 'app', completion: 'le' }, render, encode);
    expect(found.faults).toEqual({
      'the tokens of the prompt are no prefix of those of the conversation': 1,
    });
  });

  it('an answer that is cut, and one without an end', () => {
    expect(
      check((messages) => messages.map(({ content }) => content.replace('[[A]]', '')).join('\n')),
    ).toEqual({
      'the template changes the completion': 1,
    });
    expect(check((messages) => messages.map(({ content }) => content).join('\n'))).toEqual({
      'no end of turn is learned': 1,
    });
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { userPrompt } from '../model.ts';
import { breakServed, FAMILIES } from './control-tokens.ts';

const shown = (text: string) => breakServed(userPrompt(text)).messages[0]?.content ?? '';
const tokens = Object.values(FAMILIES).flat();
const name = fc.stringMatching(/^[A-Za-z0-9_▁]{1,40}$/);
/** Known ones, and others of their shapes. */
const token = fc.oneof(
  fc.constantFrom(...tokens),
  name.map((of) => `<|${of}|>`),
  name.map((of) => `<｜${of}｜>`),
  name.map((of) => `[|${of}|]`),
  name.map((of) => `<|${of}>`),
  name.map((of) => `<${of}|>`),
);

it('brings no control token to a server unbroken, whatever stands around it, and changes nothing that is read', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(token, fc.string(), fc.constantFrom('<', '<|', '|>', '['))), (parts) => {
      const text = parts.join('').replaceAll('\u200b', '');
      const found = shown(text);
      expect(found.replaceAll('\u200b', '')).toBe(text);
      const control = parts.filter((part) =>
        /^([<[]([|｜])[^\s|｜<>[\]]+\2[>\]]|<\|[A-Za-z0-9_▁]+>|<[A-Za-z0-9_▁]+\|>)$/u.test(part),
      );
      for (const one of [...tokens, ...control]) expect(found).not.toContain(one);
    }),
  );
});

it.each([...tokens])('%s is broken once', (one) => {
  expect(shown(`a ${one} b`)).toBe(`a ${[...one][0]}\u200b${one.slice(1)} b`);
});

it.each([
  'if (a <b || c> d) return [|x| for x in y];',
  'xs <|> ys <||> f <| g |> h',
  'type T = Array<A | B>; List<string|null>; a <b| c>; x <|y',
  '| a | b |\n|---|---|\n| <b> | [x] |',
  '<div class="s"><strong>[1]</strong></div> [[1, 2], [3]]',
])('%j is shown as it is', (text) => expect(shown(text)).toBe(text));

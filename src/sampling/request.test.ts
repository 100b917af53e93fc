import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestOf } from './request.ts';

const recipe = (text: string, prefill?: string) => ({
  template: { name: 'judge', version: '1' },
  text,
  ...(prefill === undefined ? {} : { prefill }),
  model: 'm',
  seed: 1,
  sampling: { temperature: 0, topP: 1, maxTokens: 9 },
});

test('a request is keyed by the text that is sent, which is what UTF-8 gives back', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\ud83d', 'a\0', '\udc00\ud83d', '😀'),
  );
  fc.assert(
    fc.property(text, text, (text, prefill) => {
      const { key, prompt } = requestOf(recipe(text, prefill));
      const content = prompt.messages[0]?.content ?? '';
      expect(Buffer.from(content).toString()).toBe(content);
      expect(content).not.toContain('\0');
      // Asked again with what was stored, it is the same request.
      expect(requestOf(recipe(content, prompt.prefill)).key).toBe(key);
    }),
  );
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { languageDetector, sameLanguage } from '../text/language.ts';
import { newAccount } from './account.ts';
import { type SelectOptions, selectInstructions } from './select.ts';

async function* rows(values: readonly unknown[]) {
  for (const [i, value] of values.entries()) yield { value, file: 'x', at: `x.jsonl, line ${i + 1}` };
}

async function select(values: readonly unknown[], options: SelectOptions) {
  const account = newAccount();
  const texts: string[] = [];
  for await (const { text } of selectInstructions(rows(values), options, account)) texts.push(text);
  return { texts, account };
}

it('each filter leaves out what it names, and the account says so', async () => {
  const conversation = (content: string, more: object = {}) => ({
    conversation: [{ role: 'user', content }],
    ...more,
  });
  const values = [
    conversation('Explain how a bicycle stays upright when it moves.'),
    conversation('explain how a bicycle stays upright, when it moves'),
    conversation('Erkläre mir bitte, warum der Himmel am Abend rot ist und am Tag blau.'),
    conversation('Write a poem.', { language: 'Chinese' }),
    conversation('Something bad.', { toxic: true }),
    conversation('Hi'),
    conversation('word '.repeat(60)),
    {
      conversation: ['a', 'b', 'c', 'd'].flatMap((content) => [
        { role: 'user', content: `${content} ${content} ${content}` },
        { role: 'assistant', content },
      ]),
    },
    { nothing: 1 },
  ];
  const { texts, account } = await select(values, {
    languages: ['en'],
    detect: await languageDetector(),
    minChars: 5,
    maxChars: 200,
    maxTurns: 3,
    onBadRow: () => {},
  });
  expect(texts).toEqual(['Explain how a bicycle stays upright when it moves.']);
  expect(account).toEqual({
    read: 9,
    kept: 1,
    left: {
      'exact duplicate': 1,
      'another language': 2,
      'flagged as toxic': 1,
      'instruction too short': 1,
      'instruction too long': 1,
      'too many turns': 1,
      'not an instruction': 1,
    },
  });
});

it('every row that was read is accounted for, whatever is asked for', async () => {
  const value = fc.oneof(
    fc.record({ prompt: fc.string() }),
    fc.record({ prompt: fc.constantFrom('a b c d', 'a b c e', 'x y z') }),
    fc.anything(),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(value, { maxLength: 30 }),
      fc.option(fc.integer({ min: 1, max: 10 })),
      fc.option(fc.integer({ min: 1, max: 10 })),
      async (values, sample, limit) => {
        const { texts, account } = await select(values, {
          ...(sample ? { sample } : {}),
          ...(limit ? { limit } : {}),
          onBadRow: () => {},
        });
        const left = Object.values(account.left).reduce((a, b) => a + b, 0);
        expect(account.kept + left).toBe(account.read);
        expect(texts).toHaveLength(account.kept);
        expect(new Set(texts).size).toBe(texts.length);
      },
    ),
  );
});

it('a set says its language by name or by code', () => {
  expect(sameLanguage('English', 'en')).toBe(true);
  expect(sameLanguage('en-US', 'en')).toBe(true);
  expect(sameLanguage('Chinese', 'en')).toBe(false);
});

it('the detector knows the languages of prose, and says nothing of what is none', async () => {
  const detect = await languageDetector();
  const known = {
    en: 'Write a short letter to my landlord about the heating.',
    de: 'Schreibe mir bitte ein kurzes Gedicht über den Herbst.',
    fr: 'Explique-moi la photosynthèse en termes simples, s’il te plaît.',
    es: '¿Puedes explicar por qué el cielo es azul durante el día?',
    zh: '请用中文写一首关于秋天的诗',
    ja: '日本の首都はどこですか、教えてください',
    ko: '가을에 대한 짧은 시를 써 주세요',
    ru: 'Напиши, пожалуйста, короткое письмо моему другу о погоде.',
    ar: 'اكتب قصيدة قصيرة عن الخريف من فضلك',
  };
  for (const [code, text] of Object.entries(known)) expect(detect(text), text).toBe(code);
  for (const text of ['2+2=?', '$\\frac{1}{2}$', '```js\nconst a = 1;\n```', '', 'owl wren crow', 'Bonjour'])
    expect(detect(text), text).toBeNull();
});

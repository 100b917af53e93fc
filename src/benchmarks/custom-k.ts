import { responsesOf } from '../rows/compared.ts';
import { RowFields } from '../rows/fields.ts';
import { quoted } from '../rows/json.ts';
import { type Question, questionOf } from '../rows/question.ts';
import { bySubset, type ChoiceBenchmark } from './choice.ts';
import { sectionOf, YOUR_OWN } from './fields.ts';

/** The index that `best` gives: a number from 0, or a slot's letter. */
function bestOf(fields: RowFields, n: number): number {
  const told = fields.value('best');
  const letter = typeof told === 'string' && /^[A-Za-z]$/.test(told);
  const index = letter
    ? told.toUpperCase().charCodeAt(0) - 65
    : /^\d+$/.test(String(told))
      ? Number(told)
      : -1;
  if (!Number.isInteger(index) || index < 0 || index >= n)
    throw fields.error(`has the best ${quoted(told)}, not an index from 0 to ${n - 1} or a letter`);
  return index;
}

function choiceOf(fields: RowFields): [Question, right: string[], wrong: string[]] {
  if (fields.has('responses')) {
    const all = fields.texts('responses');
    const best = bestOf(fields, all.length);
    return [questionOf(fields), [all[best] as string], all.filter((_, index) => index !== best)];
  }
  const [chosen, rejected] = [fields.value('chosen'), fields.value('rejected')];
  if ([chosen, rejected].some(isMessages)) {
    const { question, responses } = responsesOf(fields, ['chosen', 'rejected']);
    return [question, [responses[0]], [responses[1]]];
  }
  const list = (name: string) => (fields.isList(name) ? fields.texts(name) : [fields.response(name)]);
  return [questionOf(fields), list('chosen'), list('rejected')];
}

/** One response as messages, not several as texts. */
const isMessages = (value: unknown) => {
  const turns = Array.isArray(value) ? value : [value];
  return (
    turns.length > 0 && turns.every((turn) => turn !== null && typeof turn === 'object' && 'content' in turn)
  );
};

/** Any file of choices: `instruction` (or prompt, question, input), and `chosen` and `rejected`, each a text or a list of them,
 * or `responses` and `best`; `id` and `subset` where there are. */
export const customK: ChoiceBenchmark = {
  name: 'custom-k',
  title: 'your own choices',
  protocol: {
    'best-of-n':
      'the best of n responses, a right one in a slot drawn at random (seeded); no verdict counts what a guess would',
    ratings:
      'every response rated from 1 to 10 by itself; the share of right ones among those with the highest rating counts',
    knockout: 'two at a time, winners of pairs meet, both orders each',
    'round-robin':
      'every pair is compared, both orders each; the share of right ones among those with most wins counts',
  },
  files: [/./],
  hub: [],
  counts: [],

  load(rows) {
    return Array.from(rows, (row, i) => {
      const fields = new RowFields(row, YOUR_OWN);
      const [question, right, wrong] = choiceOf(fields);
      if (right.length === 0 || wrong.length === 0)
        throw fields.error(`has ${right.length} right and ${wrong.length} wrong responses: each needs one`);
      const section = sectionOf(fields);
      return {
        id: fields.isBlank('id') ? String(i) : fields.id('id'),
        prompt: question.text,
        section,
        subset: section,
        instruction: question.text,
        responses: [...right, ...wrong],
        right: right.length,
        ratingsOnly: false,
      };
    });
  },

  aggregate: bySubset,
  published: [],
};

import { finalAnswer } from '../answer/final.ts';
import { EvalPlannerError } from '../errors.ts';
import { RowFields } from '../rows/fields.ts';
import type { SourceRow } from '../rows/row.ts';
import type { SourceInstruction } from '../source.ts';

/** How the rows of a kind of data set are read. */
export interface Preset {
  readonly name: string;
  /** What its rows are, for the help. */
  readonly rows: string;
  /** Whether a row looks like one of it. */
  fits(row: RowFields): boolean;
  read(row: RowFields): Omit<SourceInstruction, 'at'>;
}

const has = (row: RowFields, ...names: string[]) => names.every((name) => row.has(name));
const optional = <K extends string>(name: K, value: string | undefined) =>
  value === undefined ? {} : ({ [name]: value } as Record<K, string>);

/** GSM8K's calculator notes, `<<3*4=12>>`, which no reader of a response should see. */
const withoutNotes = (solution: string) => solution.replace(/<<[^<>]*>>/g, '');

const solutionsOf = (row: RowFields) =>
  row.names.flatMap((name) => row.optional(`${name}.solution`) ?? []).map(withoutNotes);

/** The ones that know most about a row come first. */
export const PRESETS: readonly Preset[] = [
  {
    name: 'wildchat',
    rows: 'conversation [{role, content}], language, toxic',
    fits: (row) => Array.isArray(row.value('conversation')),
    read: (row) => {
      const [language, toxic] = [row.optional('language'), row.flag('toxic')];
      return {
        ...row.conversation('conversation'),
        family: 'wildchat',
        ...optional('language', language),
        ...(toxic === undefined ? {} : { toxic }),
      };
    },
  },
  {
    name: 'sharegpt',
    rows: 'conversations [{from, value}]',
    fits: (row) => Array.isArray(row.value('conversations')),
    read: (row) => ({ ...row.conversation('conversations'), family: 'sharegpt' }),
  },
  {
    name: 'ultrafeedback',
    rows: "prompt, chosen and rejected (texts or messages), as this command's own rows; or instruction, completions [{response, overall_score}]",
    fits: (row) => has(row, 'chosen', 'rejected') || has(row, 'instruction', 'completions'),
    read: (row) => ({
      family: row.optional('family') ?? 'ultrafeedback',
      ...(row.has('completions') ? best(row) : preference(row)),
    }),
  },
  {
    name: 'messages',
    rows: 'messages [{role, content}]',
    fits: (row) => Array.isArray(row.value('messages')),
    read: (row) => ({ ...row.conversation('messages'), family: 'messages' }),
  },
  {
    name: 'gsm8k-solutions',
    rows: "question, ground_truth, and a model's {solution} under each further name",
    fits: (row) => has(row, 'question', 'ground_truth') && solutionsOf(row).length > 0,
    read: (row) => ({
      text: row.text('question'),
      turns: 1,
      family: 'gsm8k',
      answer: goldOf(row, 'ground_truth'),
      solutions: solutionsOf(row),
    }),
  },
  {
    name: 'math',
    rows: 'problem, solution with its answer in \\boxed{}, type',
    fits: (row) => has(row, 'problem', 'solution'),
    read: (row) => ({
      text: row.text('problem'),
      turns: 1,
      family: row.optional('type') ?? row.optional('subject') ?? 'math',
      answer: row.optional('answer') ?? goldOf(row, 'solution'),
      response: row.text('solution'),
    }),
  },
  {
    name: 'gsm8k',
    rows: 'question, answer that ends in #### N',
    fits: (row) => has(row, 'question', 'answer') && /(?:^|\n)####/.test(String(row.value('answer'))),
    read: (row) => ({
      text: row.text('question'),
      turns: 1,
      family: 'gsm8k',
      answer: goldOf(row, 'answer'),
      response: withoutNotes(row.text('answer')),
    }),
  },
  {
    name: 'plain',
    rows: 'instruction (or prompt, question, input), and response (or output, completion) where there is one',
    fits: (row) => nameOf(row, INSTRUCTION) !== undefined,
    read: (row) => {
      const [asked, answered] = [nameOf(row, INSTRUCTION), nameOf(row, RESPONSE)];
      if (asked === undefined) throw row.error(`has no instruction (nor ${INSTRUCTION.slice(1).join(', ')})`);
      const family = row.optional('category') ?? row.optional('family') ?? 'instructions';
      const response = optional('response', answered === undefined ? undefined : row.optional(answered));
      return { text: row.text(asked), turns: 1, family, ...response };
    },
  },
];

const INSTRUCTION = ['instruction', 'prompt', 'question', 'input'];
const RESPONSE = ['response', 'output', 'completion'];
const nameOf = (row: RowFields, names: readonly string[]) => names.find((name) => row.has(name));

function goldOf(row: RowFields, name: string): string {
  const answer = finalAnswer(row.text(name));
  if (answer === null) throw row.error(`has no final answer in ${name}`);
  return answer;
}

/** Responses as texts, or as conversations that hold the prompt too. */
function preference(row: RowFields): Omit<SourceInstruction, 'at' | 'family'> {
  if (typeof row.value('chosen') === 'string') {
    const turns = ['prompt', 'provenance.conversation'].find((name) => Array.isArray(row.value(name)));
    const asked = turns
      ? row.conversation(turns)
      : { text: row.text(nameOf(row, INSTRUCTION) ?? 'prompt'), turns: 1 };
    const domain = row.value('domain');
    return {
      ...asked,
      ...(domain === 'general' || domain === 'math' ? { domain } : {}),
      response: row.text('chosen'),
      rejected: row.text('rejected'),
    };
  }
  const [chosen, rejected] = [row.conversation('chosen'), row.conversation('rejected')];
  if (chosen.response === undefined || rejected.response === undefined)
    throw row.error('has a chosen or a rejected conversation that ends without an answer');
  return { ...chosen, rejected: rejected.response };
}

/** The completions with the highest and the lowest score; none rejected where all are alike. */
function best(row: RowFields): Omit<SourceInstruction, 'at' | 'family'> {
  const rated = row.list('completions').map((_, i) => ({
    text: row.text(`completions.${i}.response`),
    score: Number(row.value(`completions.${i}.overall_score`)),
  }));
  if (rated.length === 0 || rated.some(({ score }) => !Number.isFinite(score)))
    throw row.error('has completions without an overall_score');
  const sorted = rated.toSorted((a, b) => b.score - a.score);
  const [first, last] = [sorted[0], sorted.at(-1)] as [(typeof sorted)[0], (typeof sorted)[0]];
  const rejected = last.score < first.score ? { rejected: last.text } : {};
  return { text: row.text('instruction'), turns: 1, response: first.text, ...rejected };
}

/** Fields by name, for data that no preset knows: `instruction` and any of response, answer, rejected, language, toxic, family. */
export type FieldMapping = Readonly<Partial<Record<(typeof MAPPED)[number], string>>>;

export const MAPPED = [
  'instruction',
  'response',
  'answer',
  'rejected',
  'language',
  'toxic',
  'family',
] as const;

export function mapped(mapping: FieldMapping): Preset {
  return {
    name: 'fields',
    rows: 'the fields that are named',
    fits: () => true,
    read: (row) => {
      const path = mapping.instruction ?? 'instruction';
      const read = (field: keyof FieldMapping) =>
        mapping[field] === undefined ? undefined : row.optional(mapping[field]);
      const toxic = mapping.toxic === undefined ? undefined : row.flag(mapping.toxic);
      const asked = Array.isArray(row.value(path))
        ? row.conversation(path)
        : { text: row.text(path), turns: 1 };
      const answer = read('answer');
      return {
        ...asked,
        family: read('family') ?? 'instructions',
        ...optional('response', read('response')),
        // A whole solution or the bare answer.
        ...optional('answer', answer === undefined ? undefined : (finalAnswer(answer) ?? answer)),
        ...optional('rejected', read('rejected')),
        ...optional('language', read('language')),
        ...(toxic === undefined ? {} : { toxic }),
      };
    },
  };
}

/** The preset of that name. Throws EvalPlannerError `usage`, naming those there are. */
export function presetOf(name: string): Preset {
  const found = PRESETS.find((preset) => preset.name === name);
  if (found) return found;
  const known = PRESETS.map((preset) => preset.name).join(', ');
  throw new EvalPlannerError('usage', `there is no preset called ${name}`, `choose one of ${known}`);
}

/** One row as an instruction; without a preset, by the first one that it looks like. Throws EvalPlannerError `data`. */
export function readInstruction(row: SourceRow, preset?: Preset): SourceInstruction {
  const fields = new RowFields(row);
  const chosen = preset ?? PRESETS.find((candidate) => candidate.fits(fields));
  if (chosen === undefined) throw fields.error(`is of no kind that is known (its fields: ${fields.names})`);
  return { ...chosen.read(fields), at: row.at };
}

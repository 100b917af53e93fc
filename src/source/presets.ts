import { finalAnswer } from '../answer/final.ts';
import { EvalPlannerError } from '../errors.ts';
import { compared, isLabelled, missingResponse, responsesOf } from '../rows/compared.ts';
import { RowFields } from '../rows/fields.ts';
import { conversationOf, questionOf } from '../rows/question.ts';
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

const REMEDY =
  'choose the preset of this data with --from, or name its fields with --fields instruction=NAME,response=NAME,answer=NAME; or leave such rows out with --on-error skip (in a config: preset, fields, onBadRow)';

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
    fits: (row) => row.isList('conversation'),
    read: (row) => {
      const [language, toxic] = [row.optional('language'), row.flag('toxic')];
      return {
        ...conversationOf(row, 'conversation'),
        family: 'wildchat',
        ...optional('language', language),
        ...(toxic === undefined ? {} : { toxic }),
      };
    },
  },
  {
    name: 'sharegpt',
    rows: 'conversations [{from, value}]',
    fits: (row) => row.isList('conversations') && !isPreference(row),
    read: (row) => ({ ...conversationOf(row, 'conversations'), family: 'sharegpt' }),
  },
  {
    name: 'labelled',
    rows: 'instruction, two responses (a and b, response_1 and response_2, …), and which is better (gold, label, winner, …)',
    fits: isLabelled,
    read: (row) => ({ ...preference(row), family: row.optional('family') ?? 'labelled' }),
  },
  {
    name: 'ultrafeedback',
    rows: "prompt, chosen and rejected (texts or messages, TRL's forms too), as this command's own rows; or instruction, completions [{response, overall_score}]",
    fits: (row) => isPreference(row) || has(row, 'instruction', 'completions'),
    read: (row) => ({
      family: row.optional('family') ?? 'ultrafeedback',
      ...(row.has('completions') ? best(row) : preference(row)),
    }),
  },
  {
    name: 'messages',
    rows: 'messages [{role, content}]',
    fits: (row) => row.isList('messages'),
    read: (row) => ({ ...conversationOf(row, 'messages'), family: 'messages' }),
  },
  {
    name: 'gsm8k-solutions',
    rows: "question, ground_truth, and a model's {solution} under each further name",
    fits: (row) => has(row, 'question', 'ground_truth') && solutionsOf(row).length > 0,
    read: (row) => ({
      ...questionOf(row, ['question']),
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
      ...questionOf(row, ['problem']),
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
      ...questionOf(row, ['question']),
      family: 'gsm8k',
      answer: goldOf(row, 'answer'),
      response: withoutNotes(row.text('answer')),
    }),
  },
  {
    name: 'plain',
    rows: 'instruction (or prompt, question, input) with its input, context, system and history, and response (or output, completion) where there is one; or instruction and instances [{input, output}], of which the first is taken',
    fits: (row) => INSTRUCTION.some((name) => row.has(name)),
    read: (row) => {
      const family = row.optional('category') ?? row.optional('family') ?? 'instructions';
      if (row.isList('instances')) return { ...instance(row), family };
      const answered = RESPONSE.find((name) => row.has(name));
      const response = optional('response', answered === undefined ? undefined : row.optional(answered));
      return { ...questionOf(row, INSTRUCTION), family, ...response };
    },
  },
];

/** Self-Instruct's: an instruction and the inputs that it was tried on. */
function instance(row: RowFields): Omit<SourceInstruction, 'at' | 'family'> {
  const [instruction, input] = [row.text('instruction'), row.optional('instances.0.input')];
  const text = input === undefined ? instruction : `${instruction}\n\n${input}`;
  return { text, turns: 1, ...optional('response', row.optional('instances.0.output')) };
}

const INSTRUCTION = ['instruction', 'prompt', 'question', 'input'];
const RESPONSE = ['response', 'output', 'completion'];

function goldOf(row: RowFields, name: string): string {
  const answer = finalAnswer(row.text(name));
  if (answer === null) throw row.error(`has no final answer in ${name}`);
  return answer;
}

/** One alone is a row that lacks the other. */
const isPreference = (row: RowFields) => row.has('chosen') || row.has('rejected');

/** Two responses, of which one is the better. */
function preference(row: RowFields): Omit<SourceInstruction, 'at' | 'family'> {
  const missing = missingResponse(row);
  if (missing !== undefined)
    throw row.noPair('no response', `has no ${missing}; an empty text is "" (in CSV, too)`);
  const { question, responses, gold } = compared(row);
  if (gold === null) throw row.error('does not say which response is better (gold, label or winner)');
  if (gold === 'tie') throw row.noPair('tie', 'calls its two responses equal');
  const [response, rejected] = gold === 'A' ? responses : responses.toReversed();
  const domain = row.value('domain');
  return {
    ...question,
    ...(domain === 'general' || domain === 'math' ? { domain } : {}),
    response: response as string,
    rejected: rejected as string,
  };
}

/** The completions with the highest and the lowest score; none rejected where all are alike. */
function best(row: RowFields): Omit<SourceInstruction, 'at' | 'family'> {
  const rated = row.list('completions').map((_, i) => ({
    text: row.response(`completions.${i}.response`),
    score: Number(row.value(`completions.${i}.overall_score`)),
  }));
  if (rated.length === 0 || rated.some(({ score }) => !Number.isFinite(score)))
    throw row.error('has completions without an overall_score');
  const sorted = rated.toSorted((a, b) => b.score - a.score);
  const [first, last] = [sorted[0], sorted.at(-1)] as [(typeof sorted)[0], (typeof sorted)[0]];
  const rejected = last.score < first.score ? { rejected: last.text } : {};
  return { ...questionOf(row, ['instruction']), response: first.text, ...rejected };
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
      const { response, rejected } = mapping;
      const pair =
        response !== undefined && rejected !== undefined
          ? responsesOf(row, [response, rejected], [path])
          : null;
      const answer = read('answer');
      return {
        ...(pair ? pair.question : row.isList(path) ? conversationOf(row, path) : questionOf(row, [path])),
        family: read('family') ?? 'instructions',
        ...(pair
          ? { response: pair.responses[0], rejected: pair.responses[1] }
          : { ...optional('response', read('response')), ...optional('rejected', read('rejected')) }),
        // A whole solution or the bare answer.
        ...optional('answer', answer === undefined ? undefined : (finalAnswer(answer) ?? answer)),
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
  const fields = new RowFields(row, REMEDY);
  const chosen = preset ?? PRESETS.find((candidate) => candidate.fits(fields));
  if (chosen === undefined) throw fields.error(`is of no kind that is known (its fields: ${fields.names})`);
  return { ...chosen.read(fields), at: row.at };
}

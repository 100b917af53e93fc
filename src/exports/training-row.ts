import { answerIn, responsesOf } from '../rows/compared.ts';
import { RowFields } from '../rows/fields.ts';
import { questionOf } from '../rows/question.ts';
import type { SourceRow } from '../rows/row.ts';
import type { PreferenceRow, SftRow } from '../types.ts';

/** A row that a model is trained on, and of which kind it is. */
export type TrainingRow = ({ readonly kind: 'sft' } & SftRow) | ({ readonly kind: 'dpo' } & PreferenceRow);

const REMEDY = 'give rows {prompt, completion} for SFT, or {prompt, chosen, rejected} for DPO';

/** Reads a row of SFT `{prompt, completion}` or of preferences `{prompt, chosen, rejected}`: texts, or lists of messages as TRL
 * takes them, with the prompt or (implicit) with the prompt as the beginning of both. A prompt of several turns becomes one text,
 * that of a conversation, as a judge is shown it. Throws EvalPlannerError `data`, naming file and row. */
export function trainingRow(source: SourceRow): TrainingRow {
  const row = new RowFields(source, REMEDY);
  const said = (name: string, text: string) => {
    if (text.trim() === '') throw row.error(`has no text in ${name}`);
    return text;
  };
  if (!row.has('prompt') && row.has('instruction') && row.has('chosen'))
    throw row.error('is a response pair, and no thought about one');
  if (row.has('completion')) {
    const prompt = questionOf(row, ['prompt']).text;
    return { kind: 'sft', prompt, completion: said('completion', answerIn(row, 'completion')) };
  }
  const { question, responses } = responsesOf(row, ['chosen', 'rejected'], ['prompt']);
  const [chosen, rejected] = responses;
  return {
    kind: 'dpo',
    prompt: question.text,
    chosen: said('chosen', chosen),
    rejected: said('rejected', rejected),
  };
}

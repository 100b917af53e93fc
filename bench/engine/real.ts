import { readFileSync } from 'node:fs';
import type { Rendering } from '../../src/model/local/rendering.ts';
import type { Tokenizer } from '../../src/model/local/tokenizer.ts';
import { userPrompt } from '../../src/model.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { render } from '../../src/prompts/template.ts';
import { batches, type PairOfSequences, type RowCounts, type Rows } from './rows.ts';

interface Row {
  readonly instruction: string;
  readonly input?: string;
  readonly output: string;
}

const FILE = new URL('../../examples/smollm2/data/instructions.jsonl', import.meta.url);

/** The published judge prompt on people's instructions with their answer and another one's, and thoughts about as long as such a model
 * writes them. Of a DPO pair both thoughts have the prompt and the plan in common. */
export function realRows(
  { render: shown }: Rendering,
  tokenizer: Pick<Tokenizer, 'encode'>,
  eos: number,
  { batches: count, batchSize, prompts }: RowCounts,
): Rows {
  const data = readFileSync(FILE, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);
  const at = (i: number) => data[i % data.length] as Row;
  const prompt = (i: number) => {
    const { instruction, input, output } = at(i);
    const whole = input ? `${instruction}\n\n${input}` : instruction;
    const text = render(PUBLISHED_PROMPTS.judge, { instruction: whole, a: output, b: at(i + 1).output });
    return shown(userPrompt(text)).ids;
  };
  const thought = (i: number, verdict: 'A' | 'B', other = 0) => {
    const plan = `A good answer must do what the user asks: ${at(i).instruction.slice(0, 160)}`;
    const said = (answer: Row) => `is this text: ${answer.output.slice(0, 120)}`;
    const execution = `Answer A ${said(at(i + other))}\nAnswer B ${said(at(i + 1 + other))}`;
    return [...tokenizer.encode(PUBLISHED_PROMPTS.formatThought(plan, execution, verdict)), eos];
  };
  const sequence = (i: number, completion: readonly number[]) => {
    const start = prompt(i);
    return { ids: [...start, ...completion], start: start.length };
  };
  const size = count * batchSize;
  const numbers = Array.from({ length: size }, (_, i) => i);
  const pairs = numbers.map((i): PairOfSequences => {
    return { chosen: sequence(i, thought(i, 'A')), rejected: sequence(i, thought(i, 'B', 2)) };
  });
  return {
    sft: batches(
      numbers.map((i) => sequence(i, thought(i, 'A'))),
      batchSize,
      ({ ids }) => ids.length,
    ),
    dpo: batches(pairs, batchSize, ({ chosen, rejected }) =>
      Math.max(chosen.ids.length, rejected.ids.length),
    ),
    prompts: Array.from({ length: prompts }, (_, i) => prompt(i)),
    lengths: [],
  };
}

import { EvalPlannerError } from '../../errors.ts';
import { specialTokens } from '../../prompts/chat-template.ts';
import { type Tokenizer, tokenizer } from './tokenizer.ts';

const COPY_TOKENIZER =
  'copy it from the original model, or write it with AutoTokenizer.from_pretrained(…).save_pretrained(…) in transformers';

/** The tokenizer of these files' texts; `dir` names their folder in errors. Throws EvalPlannerError. */
export function openTokenizer(dir: string, files: Readonly<Record<string, string>>): Tokenizer {
  const fault = (what: string, cause?: unknown) =>
    new EvalPlannerError('model', `${what} in ${dir}`, COPY_TOKENIZER, cause);
  const parse = (name: string, absent?: string): object => {
    const text = files[name] ?? absent;
    if (text === undefined) throw fault(`there is no ${name}`);
    try {
      const value: unknown = JSON.parse(text);
      if (value !== null && typeof value === 'object') return value;
    } catch (error) {
      throw fault(`${name} is not JSON`, error);
    }
    throw fault(`${name} is not an object`);
  };
  const [json, config] = [parse('tokenizer.json'), parse('tokenizer_config.json', '{}')];
  parse('special_tokens_map.json', '{}');
  try {
    return tokenizer(json, { ...config, ...specialTokens(files) });
  } catch (error) {
    throw fault('tokenizer.json is no tokenizer that is understood', error);
  }
}

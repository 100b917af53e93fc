import { REASONING_TAGS } from '../../text/reasoning.ts';

/** Markers of the published prompts (arXiv 2501.18099), and of the thoughts that judges are trained to write. */
export const PUBLISHED = {
  plan: '[Start of Evaluation Plan]',
  planEnd: '[End of Evaluation Plan]',
  execution: '[Start of Plan Execution]',
  executionEnd: '[End of Plan Execution]',
  instruction: '[Start of Modified Instruction]',
  instructionEnd: '[End of Modified Instruction]',
  response: '[Start of Response]',
  responseEnd: '[End of Response]',
} as const;

/** Without the slot's letter and the bracket: other slots and other endings are broken too. */
const DELIMITERS = [
  '[The Start of Assistant',
  '[The End of Assistant',
  '[User Question]',
  '[[User Question]]',
  '[Conversation]',
];

const VERDICTS = ['[[A]]', '[[B]]', '[[C]]'];

/** What chat templates make single tokens of: in a response they would end the prompt for a server that reads them. */
export const SPECIAL_TOKENS: readonly string[] = [
  ...['im_start', 'im_end', 'endoftext', 'begin_of_text', 'end_of_text', 'start_header_id', 'end_header_id'],
  ...['eot_id', 'eom_id', 'python_tag', 'system', 'user', 'assistant', 'end', 'start', 'channel', 'message'],
  ...[
    'return',
    'call',
    'endofprompt',
    'begin▁of▁sentence',
    'end▁of▁sentence',
    'eot',
    'sep',
    'pad',
    'header_start',
  ],
]
  .map((name) => `<|${name}|>`)
  .concat(['<s>', '</s>', '[INST]', '[/INST]', '<<SYS>>', '<</SYS>>', '<start_of_turn>', '<end_of_turn>'])
  .concat(REASONING_TAGS);

export const PUBLISHED_TAGS: readonly string[] = [
  ...Object.values(PUBLISHED),
  ...DELIMITERS,
  ...VERDICTS,
  ...SPECIAL_TOKENS,
];

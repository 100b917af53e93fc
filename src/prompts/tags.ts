/** Markers of the playground's prompts; each is one token of the seed model's vocabulary. */
export const TAG = {
  answer: '<answer>',
  change: '<change>',
  plan: '<plan>',
  planEnd: '</plan>',
  exec: '<exec>',
  execEnd: '</exec>',
  judge: '<judge>',
  verdict: '<verdict>',
  a: '<A>',
  b: '<B>',
  isA: '[[A]]',
  isB: '[[B]]',
  tie: '[[C]]',
} as const;

/** The model's own special tokens: a field that holds one would end the text for it. */
const SPECIAL = ['<pad>', '<s>', '</s>'];

export const PLAYGROUND_TAGS: readonly string[] = [...Object.values(TAG), ...SPECIAL];

import type { JudgeFile } from '../pipeline/judge-file.ts';
import { percent, range, whole } from './format.ts';
import type { Report } from './run/report.ts';

/** What is known of a judge that is published. */
export interface ModelCard {
  /** On the hub: `OWNER/NAME`. */
  readonly id: string;
  /** Its evalplanner.json; null for a model that this project did not train. */
  readonly judge: JudgeFile | null;
  /** Of the run that trained it, and its name there. */
  readonly run: { readonly report: Report; readonly name: string } | null;
  /** The class that transformers opens, `LlamaForCausalLM`; null for an adapter. */
  readonly architecture: string | null;
  /** The name on the hub of the model that an adapter is put on. */
  readonly base: string | null;
  /** As the hub calls it: `mit`; null: unknown. */
  readonly licence: string | null;
  readonly chatTemplate: boolean;
  /** Of this project. */
  readonly version: string;
}

/** By this a card is known as one of ours, which a later one may replace. */
export const CARD_MARK = '<!-- written by evalplanner export --push -->';

/** The README.md of a model, with the front matter that the Hugging Face hub reads (https://huggingface.co/docs/hub/model-cards).
 * It claims what the run's report holds and nothing else. */
export function modelCardText(card: ModelCard): string {
  const { id, judge, run, base, licence } = card;
  const front = [
    `license: ${licence === null ? 'unknown' : JSON.stringify(licence)}`,
    `library_name: ${base === null ? 'transformers' : 'peft'}`,
    'pipeline_tag: text-generation',
    ...(base === null ? [] : [`base_model: ${JSON.stringify(base)}`]),
    'tags:\n- llm-as-a-judge\n- evalplanner',
  ];
  const sections = [
    `# ${inline(id.split('/')[1] as string)}`,
    CARD_MARK,
    judge === null ? 'A model for an LLM judge.' : whatItIs(card),
    `## How it was trained\n\n${run === null ? 'Nothing is known of it here: no report of a run came with it.' : training(run)}`,
    `## How well it judges\n\n${run === null ? 'Not measured.' : measured(run)}`,
    `## Use\n\n${use(card)}`,
    `## Licence\n\n${licence === null ? 'Unknown: nobody said under what licence the model that it comes from, and the data that it was trained on, may be passed on.' : inline(licence)}`,
  ];
  return `---\n${front.join('\n')}\n---\n\n${sections.join('\n\n')}\n`;
}

const FORMS: Readonly<Record<JudgeFile['form'], string>> = {
  planned: 'writes an evaluation plan, executes it step by step, and ends with its verdict',
  'two-call':
    'writes an evaluation plan in one call, and executes it in another, which ends with its verdict',
  unplanned: 'executes an evaluation without a plan, and ends with its verdict',
  direct: 'names the better response at once',
};

function whatItIs({ judge, base }: ModelCard): string {
  const { form, prompts } = judge as JudgeFile;
  const kind = base === null ? 'An LLM judge' : `A LoRA adapter that makes ${inline(base)} an LLM judge`;
  return (
    `${kind} of pairs of responses: shown an instruction and two responses, it ${FORMS[form]} (EvalPlanner, ` +
    `[arXiv 2501.18099](https://arxiv.org/abs/2501.18099)). It was trained on the ${prompts} prompts of ` +
    '[evalplanner](https://www.npmjs.com/package/evalplanner), and judges best with those.'
  );
}

function training({ report, name }: NonNullable<ModelCard['run']>): string {
  const judges = report.stages.filter(({ control }) => !control).map((stage) => stage.name);
  const { counts } = report;
  const sum = (of: Readonly<Record<string, number>>) => Object.values(of).reduce((all, n) => all + n, 0);
  const thoughts = Object.values(counts.thoughts);
  const lines = [
    `run: ${report.preset ? `preset ${report.preset}, ` : ''}seed ${report.seed}, evalplanner ${report.version}`,
    `starts from: ${nameless(report.model)}`,
    `judges in their order: ${judges.join(', ')}; this is ${name}`,
    `response pairs: ${Object.entries(counts.pairs)
      .map(([set, n]) => `${whole(n)} ${set}`)
      .join(', ')}`,
    `thoughts: ${whole(thoughts.reduce((all, { total }) => all + total, 0))}, of them correct ${whole(thoughts.reduce((all, { correct }) => all + correct, 0))}`,
    `preference pairs: ${whole(sum(counts.preferences))}`,
  ];
  return lines.map((line) => `- ${inline(line)}`).join('\n');
}

/** A model's name and revision without the folders of somebody's machine. */
const nameless = (model: string) => model.replace(/^(?:\/|~|\.{1,2}[\\/]|[A-Za-z]:\\).*[\\/](?=[^\\/])/, '');

function measured({ report, name }: NonNullable<ModelCard['run']>): string {
  const own = report.stages.filter((stage) => stage.name === name);
  const first = report.stages.filter((stage) => !stage.control && stage.name !== name).slice(0, 1);
  if (own.length === 0) return 'Not measured: the report has no scores of it.';
  const rows = [...first, ...own].flatMap((stage) =>
    report.sources.flatMap((source) => {
      const scores = stage.sets[source];
      if (scores === undefined) return [];
      const { pairs, accuracy, bothOrders, invalid, intervals } = scores;
      return [
        `| ${inline(stage.name)} | ${inline(source)} | ${whole(pairs)} | ${percent(accuracy)} (${range(intervals.accuracy)}) | ${percent(bothOrders)} (${range(intervals.bothOrders)}) | ${percent(invalid)} |`,
      ];
    }),
  );
  return (
    `| judge | pairs of | n | accuracy % | right in both orders % | invalid % |\n|---|---|---:|---:|---:|---:|\n${rows.join('\n')}\n\n` +
    'On held-out pairs of the run, each shown in both orders; accuracy is over both orders, 95 % intervals in brackets.'
  );
}

function use({ id, judge, base, architecture, chatTemplate }: ModelCard): string {
  const prompts = judge === null ? '' : ` --prompts ${judge.prompts}`;
  const api = chatTemplate ? '' : ' --api completions';
  const pair = '--instruction "…" --a "…" --b "…"';
  const served = base === null ? id : 'judge';
  const serve =
    base === null ? `vllm serve ${id}` : `vllm serve ${base} --enable-lora --lora-modules judge=${id}`;
  const open =
    base === null
      ? `from transformers import AutoModelForCausalLM, AutoTokenizer\n\nmodel = AutoModelForCausalLM.from_pretrained("${id}")\ntokenizer = AutoTokenizer.from_pretrained("${id}")`
      : `from peft import AutoPeftModelForCausalLM\nfrom transformers import AutoTokenizer\n\nmodel = AutoPeftModelForCausalLM.from_pretrained("${id}")\ntokenizer = AutoTokenizer.from_pretrained("${id}")`;
  return [
    fenced('sh', `npx evalplanner judge --model hf:${id} ${pair}`),
    'Behind vLLM:',
    fenced(
      'sh',
      `${serve}\nnpx evalplanner judge --model openai:${served}@http://127.0.0.1:8000/v1${api}${prompts} ${pair}`,
    ),
    `With transformers${architecture === null ? '' : ` (${inline(architecture)})`}:`,
    fenced('python', open),
  ].join('\n\n');
}

const inline = (text: string) => text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|]/g, '\\$&');
const fenced = (language: string, text: string) => `\`\`\`${language}\n${text.replace(/`{3,}/g, '')}\n\`\`\``;

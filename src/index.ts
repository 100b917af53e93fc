/** The public API. Three doors: run the method (`runIn` a folder by a config; `run` with `Ports` of your own), judge and measure (`judge`, `judgeAll`, `rank`,
 * `rate`, `scores`), and the ports themselves, which any model, trainer or instruction source can stand behind. */

export { finalAnswer } from './answer/final.ts';
export { sameAnswer } from './answer/same.ts';
export type { Sameness } from './answer/sameness.ts';
export { defineConfig, type Resolved, type RunConfig, resolveConfig } from './config.ts';
export type { Device } from './engine/device.ts';
export type { Quantization } from './engine/quantization.ts';
export { type ErrorCode, EvalPlannerError, EXIT_CODE } from './errors.ts';
export { type Card, type CardFile, cardText } from './exports/card.ts';
export { type ExportedFile, type ExportOptions, exportRows } from './exports/export.ts';
export { EXPORT_FORMATS, type ExportFormat, type ExportStyle, exportedRow } from './exports/formats.ts';
export { type ChatMessage, lossMask, type MaskedTokens } from './exports/loss-mask.ts';
export { type TrainingRow, trainingRow } from './exports/training-row.ts';
export { DOWNLOADS, type Download } from './hub/downloads.ts';
export { type JudgeAllOptions, judge, judgeAll, writePlans } from './judging/judge.ts';
export type { EvaluationPlan, Judgment, OrderJudgment, Pair, Vote, Winner } from './judging/judgment.ts';
export { evaluationPlan } from './judging/plan.ts';
export { type RankedJudgment, type Ranking, type RankOptions, rank } from './judging/rank.ts';
export { type RateOptions, type Rating, type Response, rate, rateAll } from './judging/rate.ts';
export type { JudgeOptions } from './judging/settings.ts';
export {
  type Comparison,
  compareJudges,
  type Interval,
  type Scores,
  scores,
  type VerdictRecord,
  wilson,
} from './metrics.ts';
export { type AiSdkOptions, aiSdk, type LanguageModel } from './model/ai-sdk.ts';
export { copyCheckpoint, mergeCheckpoint } from './model/local/copy.ts';
export { exportGguf } from './model/local/gguf-write.ts';
export { openEmbedded } from './model/open-embedded.ts';
export { type OpenAICompatibleOptions, openaiCompatible } from './model/openai.ts';
export type { RemoteOptions } from './model/remote/remote.ts';
export { type Script, type ScriptRequest, scripted } from './model/scripted.ts';
export { type VllmOptions, vllm } from './model/vllm.ts';
export {
  type FinishReason,
  type GenerateOptions,
  type GenerateRequest,
  type Generation,
  type Model,
  type Prompt,
  promptText,
  type Requests,
  type TokenLogprob,
  userPrompt,
} from './model.ts';
export { judgeOptions } from './open/judge-options.ts';
export { type ModelOptions, openModel } from './open/model.ts';
export { type RunInOptions, runIn } from './open/run-in.ts';
export type { BenchmarkData, Models, Ports, RunEvent, RunOptions, Stage } from './pipeline/stage.ts';
export { run, stagesOf } from './pipeline.ts';
export type { Estimate, Prices } from './prices.ts';
export type { InstructionInput, Message } from './prompts/conversation.ts';
export type { Exercise, Guide, Shot } from './prompts/guide.ts';
export type { JudgeForm } from './prompts/judge-prompt.ts';
export { PLAYGROUND_PROMPTS, type PromptSet, PUBLISHED_PROMPTS } from './prompts/set.ts';
export { render, type Template } from './prompts/template.ts';
export { renderReport } from './report/run/page.ts';
export type { Report } from './report/run/report.ts';
export { readSource } from './rows/sources.ts';
export { openRows, type RowWriter } from './rows/write.ts';
export { DryRun } from './sampling/dry-run.ts';
export { estimate } from './sampling/estimate.ts';
export type { Usage } from './sampling/task.ts';
export { type Account, newAccount } from './source/account.ts';
export { type SelectOptions, selectInstructions } from './source/select.ts';
export type { Instruction, Source, SourceInstruction } from './source.ts';
export { openStore, readStore } from './store/ledger.ts';
export type {
  Counts,
  Evaluation,
  EvaluationFilter,
  LedgerReader,
  PairFilter,
  PreferenceRecord,
  RoundFilter,
  Spent,
  StageRecord,
  Store,
  StoreOptions,
  ThoughtFilter,
} from './store.ts';
export { Duplicates } from './text/duplicates.ts';
export { openEmbeddedTrainer } from './trainer/open-embedded.ts';
export {
  type DpoJob,
  type LoraOptions,
  type Optimisation,
  type SftJob,
  type Trainer,
  type TrainJob,
  type TrainResult,
  type TrainSettings,
  type TrainStep,
  trainKey,
} from './trainer.ts';
export type * from './types.ts';
export { parseVerdict, type Verdict, type VerdictOptions } from './verdict/verdict.ts';

/** What a template has of its own. */
export interface Data {
  /** The `sources` of its config and so many pairs of each, as lines of YAML. */
  readonly sources: string;
  readonly rounds: readonly string[];
  readonly validation: string;
  readonly test: string;
}

/** The config of a judge on the seed model, as YAML that says what each part is for. */
export function seedModelConfig({ sources, rounds, validation, test }: Data): string {
  const [first, second] = rounds;
  return `# yaml-language-server: $schema=./node_modules/evalplanner/schema/config.json
# A judge of your own: \`evalplanner run evalplanner.config.yaml\`. Every field and its default is in the schema above.

seed: 0 # the run is a function of this config and its seed

models:
  judge: playground # what is trained: the shipped seed model, ./FOLDER of a checkpoint (Llama, Qwen, Mistral, Gemma 3, …), hf:OWNER/NAME
  # writer: openai:NAME@https://HOST/v1 # another model writes responses: a checkpoint too, or ai:PROVIDER/NAME
prompts: playground # the seed model's own words; \`published\` (arXiv 2501.18099) for every other model

${sources}

# Each round: so many new pairs of each source, thoughts of the judge so far about them, trainings on the right ones.
rounds:
  - pairs: ${first}
    train:
      - { kind: sft, learningRate: 5.0e-4, warmupSteps: 5, epochs: 1, batchSize: 32, thoughtsPerPair: 6, plans: best }
      - { kind: dpo, learningRate: 4.0e-4, warmupSteps: 5, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 0.5 }
  - pairs: ${second}
    train:
      - { kind: dpo, learningRate: 1.0e-4, warmupSteps: 5, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 1 }

validation: { pairs: ${validation} } # picks among the checkpoints of a training
test: { pairs: ${test} } # held out: what the report's accuracies are of

thoughts: { plans: 5, executions: 4, maxPlanTokens: 48, maxThoughtTokens: 144 } # 2048 and 2048 for larger models
pairs: { solutions: 8, maxTokens: 40 } # of responses that are written; 2048 for larger models
preferences: { pairing: both, maxPerPair: 8, maxPerGroup: 8, minCorrectShare: 0.25 }
optimiser: { maxLength: 256, checkpoints: 3 } # 4096 for larger models

# budget: { cost: 20, tokens: 50000000, hours: 8 } # the run stops there and keeps what it has
# benchmarks: { llmbar: { from: ./llmbar } } # M0 and the last judge play it
# contamination: leave-out # instructions that repeat what judges are measured on; counted when absent
# controls: { unplanned: true } # the same trainings on thoughts without plans, for comparison
`;
}

/** 8 B with LoRA on one machine. Rates are where one may begin, not tuned. */
export const gpuConfig = `# yaml-language-server: $schema=./node_modules/evalplanner/schema/config.json
# A judge of 8 billion parameters on one machine with two GPUs of 80 GB: vLLM samples on one, TRL trains adapters on the other.

seed: 0 # the run is a function of this config and its seed

models:
  judge: hf:meta-llama/Llama-3.1-8B-Instruct # M0: any instruct model that vLLM and transformers know
prompts: published # arXiv 2501.18099

serve: # M0, and every judge that is trained from it: adapters that are loaded into the running server
  { kind: vllm, url: http://127.0.0.1:8000/v1, base: M0 } # url: [...] for several replicas
trainer: { kind: trl, precision: bfloat16, gradientCheckpointing: true, microBatch: 1 }
lora: { rank: 16, alpha: 32, targets: all-linear }

sources:
  # CSV, TSV, JSON lines or Parquet; a folder, a glob (data/*.jsonl) or a data set of the hub (OWNER/NAME).
  mine: { kind: general, from: ./data/instructions.csv }

# Each round: so many new pairs of each source, thoughts of the judge so far about them, trainings on the right ones.
rounds:
  - pairs: { mine: 150 } # published: 5,000, then 16,729
    train:
      - { kind: sft, learningRate: 1.0e-4, warmupSteps: 10, epochs: 1, batchSize: 32 }
      - { kind: dpo, learningRate: 1.0e-5, warmupSteps: 10, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 1.5 }
  - pairs: { mine: 150 }
    train:
      - { kind: dpo, learningRate: 5.0e-6, warmupSteps: 10, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 1.5 }

validation: { pairs: { mine: 30 } } # picks among the checkpoints of a training; published: 300
test: { pairs: { mine: 30 } } # held out: what the report's accuracies are of

thoughts: { plans: 5, executions: 4, maxPlanTokens: 2048, maxThoughtTokens: 2048 }
preferences: { maxPerPair: 8, maxPerGroup: 8 }
optimiser: { maxLength: 4096, checkpoints: 3 }

# budget: { tokens: 1000000000, hours: 48 } # the run stops there and keeps what it has
# benchmarks: { llmbar: { from: ./llmbar } } # M0 and the last judge play it
`;

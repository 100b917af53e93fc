/** 70 B by the published settings (arXiv 2501.18099); what the paper leaves open is what the config's defaults say. */
export const clusterConfig = `# yaml-language-server: $schema=./node_modules/evalplanner/schema/config.json
# A judge of 70 billion parameters by the published settings (arXiv 2501.18099): replicas of vLLM sample, TRL trains on Ray.

seed: 0 # the run is a function of this config and its seed

models:
  judge: hf:meta-llama/Llama-3.3-70B-Instruct
prompts: published

serve: # M0, and every judge that is trained from it: your script starts the replicas again with each checkpoint
  kind: restart
  command: [sh, ./serve.sh, '{model}', '{name}']
  url: [http://replica-1:8000/v1, http://replica-2:8000/v1] # as many as there are; the more, the sooner
  prefill: continue_final_message
  startSeconds: 1800
trainer:
  kind: ray
  address: http://127.0.0.1:8265
  shared: /shared/evalplanner # a folder that this machine and all nodes see under one path, or s3://BUCKET/PREFIX
  workers: 32
  resources: { GPU: 1, CPU: 8 }
  precision: bfloat16
  gradientCheckpointing: true
  microBatch: 1
  runtimeEnv:
    pip: [trl==1.16.0, transformers==5.24.0, peft==0.21.2, accelerate, datasets]
    # All weights of 70 B are more than a GPU holds: accelerate shards them among the workers.
    env_vars:
      { ACCELERATE_USE_FSDP: 'true', FSDP_VERSION: '2', FSDP_AUTO_WRAP_POLICY: TRANSFORMER_BASED_WRAP, FSDP_RESHARD_AFTER_FORWARD: 'true', FSDP_STATE_DICT_TYPE: FULL_STATE_DICT }

sources:
  wildchat: { kind: general, from: allenai/WildChat-1M, languages: [en] } # chosen: the model's own answer; rejected: to a modified instruction
  math: { kind: math, from: EleutherAI/hendrycks_math } # right and wrong solutions of the model

# Instructions: of 20,582 and 7,500 came 17,588 and 4,141 response pairs, 2,500 of each for the first round.
rounds:
  - pairs: { wildchat: 2926, math: 4528 }
    train:
      - { kind: sft, learningRate: 1.0e-6, warmupSteps: 100, epochs: 2, batchSize: 32 }
      - { kind: dpo, learningRate: 5.5e-8, warmupSteps: 100, epochs: 1, batchSize: 128, beta: 0.1, nllWeight: 1.5 }
  - pairs: { wildchat: 17656, math: 2972 }
    train:
      - { kind: dpo, learningRate: 5.5e-8, warmupSteps: 100, epochs: 1, batchSize: 128, beta: 0.1, nllWeight: 1.5 }

validation: { pairs: { wildchat: 150, math: 150 } }
test: { pairs: { wildchat: 150, math: 150 } } # not of the paper, which measures on benchmarks

thoughts: { plans: 5, executions: 4, temperature: 0.8, topP: 0.95, maxPlanTokens: 2048, maxThoughtTokens: 2048 }
preferences: { pairing: within-plan, maxPerPair: 8, maxPerGroup: 8 }
optimiser: { weightDecay: 0.1, betas: [0.9, 0.95], maxGradNorm: 1, maxLength: 4096, checkpoints: 3 }

benchmarks: # M0 and the last judge play them; \`evalplanner bench\` knows others
  rewardbench: {}
contamination: leave-out

# { tokens: 2000000000, hours: 96 } # the run stops there and keeps what it has
`;

/** Called with a checkpoint and its name; ends when each replica is told to serve it. */
export const SERVE_SCRIPT = `#!/bin/sh
# Starts every replica again with the checkpoint $1 under the name $2: an example by ssh, to be replaced by what your cluster has.
# Whether they answer is asked by the run, up to serve.startSeconds.
set -eu
for host in replica-1 replica-2; do
  ssh "$host" systemctl --user stop vllm 2>/dev/null || true
  ssh "$host" systemd-run --user --unit=vllm vllm serve "$1" --served-model-name "$2" \\
    --tensor-parallel-size 4 --max-model-len 8192 --port 8000
done
`;

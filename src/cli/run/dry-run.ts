import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Resolved } from '../../config.ts';
import { openRun, type RunSetup } from '../../open/run.ts';
import { estimateRun, type Rates } from '../../pipeline/estimate.ts';
import { guidanceOf } from '../../pipeline/guided.ts';
import { pairRequests, partsNote } from '../../pipeline/pairs.ts';
import { isDone } from '../../pipeline/planned.ts';
import { instructionsOf, partsOf, roundSet } from '../../pipeline/sets.ts';
import type { Ports } from '../../pipeline/stage.ts';
import { withModels } from '../../pipeline/with-models.ts';
import { stagesOf } from '../../pipeline.ts';
import { conduct } from '../../sampling/conduct.ts';
import type { Instruction } from '../../source.ts';
import { openStore, readStore } from '../../store/ledger.ts';
import { thoughtsOf } from '../../thoughts/thoughts.ts';
import { printEstimate } from './estimate-text.ts';

/** Pairs that a trial thinks about, plans of each and executions of those in each order. */
const TRIAL = { pairs: 4, plans: 2, executions: 2 };

/** What is left of a run, from the rates in its ledger; where it has none and the judge is a checkpoint here, a trial of a few thoughts tells
 * how fast it writes. Servers are not asked: they may cost money. */
export async function dryRun(
  { config, folder, ...setup }: Omit<RunSetup, 'store'>,
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  const path = join(folder, 'run.db');
  using known = existsSync(path) ? readStore(path) : null;
  using store = openStore(':memory:', { config: {} });
  for (const name of Object.keys(config.sources)) {
    const parts = known?.note(partsNote(name));
    if (parts !== undefined) store.putNote(partsNote(name), parts);
  }
  const opened = await openRun({ config, folder, store, ...setup });
  try {
    const stages = stagesOf(config);
    const measured = stages.some((stage) => (known?.stage(stage.name)?.tokens ?? 0) > 0);
    const here = config.serve === 'embedded' && opened.ports.models.place('M0') !== null;
    const { benchmarks = {} } = opened.ports;
    const told = measured || !here ? {} : { trial: await trial(config, opened.ports, signal) };
    const pairs: Record<string, Record<string, number>> = {};
    for (const stage of stages)
      if (stage.kind === 'pairs' && !isDone(stage, known?.stage(stage.name)))
        pairs[stage.set] = await pairRequests(stage, config, opened.ports, signal);
    await printEstimate(estimateRun(stages, config, known, { ...told, benchmarks, pairs }), json);
  } finally {
    await opened.close();
  }
}

async function trial(config: Resolved, ports: Ports, signal: AbortSignal): Promise<Rates> {
  const [[name, source] = []] = Object.entries(ports.sources);
  if (name === undefined || source === undefined) return {};
  const found: Instruction[] = [];
  for await (const one of instructionsOf(source, roundSet(1), partsOf(config, source, name), signal))
    if (found.push(one) >= TRIAL.pairs) break;
  const { temperature, topP, maxPlanTokens, maxThoughtTokens } = config.thoughts;
  let [requests, tokens] = [0, 0];
  const begun = performance.now();
  await withModels(ports.models, ['M0'], async (model) => {
    const options = {
      round: 1,
      prompts: ports.prompts,
      model: model.revision,
      planner: model.revision,
      seed: config.seed,
      form: 'planned' as const,
      ...guidanceOf('M0', config),
      plans: TRIAL.plans,
      executions: TRIAL.executions,
      plan: { temperature, topP, maxTokens: maxPlanTokens },
      execution: { temperature, topP, maxTokens: maxThoughtTokens },
    };
    const pairs = found.map(({ text, family, response, rejected }, i) => ({
      id: String(i),
      domain: name,
      family,
      instruction: text,
      // Responses are not written yet where the data has none: something of a like length stands for them.
      chosen: response ?? text,
      rejected: rejected ?? text,
      provenance: {},
    }));
    const thoughts = conduct(pairs, (pair) => thoughtsOf(pair, options), {
      judge: model,
      signal,
      onGenerations(batch) {
        requests += batch.length;
        for (const { completionTokens } of batch) tokens += completionTokens;
      },
    });
    for await (const _ of thoughts);
  });
  if (requests === 0) return {};
  const rate = {
    secondsPerRequest: (performance.now() - begun) / 1000 / requests,
    tokensPerRequest: tokens / requests,
  };
  return { pairs: rate, thoughts: rate, judge: rate, bench: rate };
}

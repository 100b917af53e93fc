import type { Resolved } from '../config.ts';
import { type Json, key } from '../key.ts';
import { runIdentity } from './identity.ts';
import { isHeldOut } from './sets.ts';
import type { Stage, StageDraft } from './stage.ts';

type Identity = { readonly [name: string]: Json };

/** Stages, each with what it is a function of: its own parts of the config, and all of that of the stages that it builds on. */
export function withInputs(stages: readonly StageDraft[], config: Resolved): Stage[] {
  const {
    sources,
    pairs,
    thoughts,
    preferences,
    optimiser,
    lora = null,
    models,
    prompts,
    seed,
    ...rest
  } = runIdentity(config) as Identity;
  const benchmarks = rest.benchmarks as { [name: string]: { from?: Json; limit?: Json } };
  const known = new Map<string, string>();
  const of = (name: string) => known.get(name) ?? '';
  const judge = (name: string) => (name === 'M0' ? '' : of(`train ${name}`));
  const world = { seed, prompts } as Identity;
  // What a count finds is only told; what is left out makes other pairs.
  const leftOut =
    rest.contamination === 'leave-out'
      ? { leftOut: Object.entries(benchmarks).map(([name, { from, limit }]) => [name, from, limit]) }
      : {};
  const parts = (stage: StageDraft): Record<string, Json> => {
    switch (stage.kind) {
      case 'pairs': {
        const counts = { ...stage.counts };
        const own = Object.keys(counts).map((name) => (sources as Identity)[name] ?? null);
        const training = !isHeldOut(stage.set, config);
        return { counts, sources: own, pairs, models, ...(training ? leftOut : {}) } as Record<string, Json>;
      }
      case 'thoughts':
        return { pairs: of(`pairs ${stage.set}`), by: judge(stage.by), thoughts, models } as Record<
          string,
          Json
        >;
      case 'train':
        return {
          from: judge(stage.from),
          on:
            stage.round === null
              ? stage.sets.map((set) => of(`pairs ${set}`))
              : of(`thoughts ${stage.round}`),
          validation: of('pairs validation'),
          how: JSON.parse(JSON.stringify(stage.how)) as Json,
          preferences,
          optimiser,
          lora,
        } as Record<string, Json>;
      case 'judge':
        return {
          judge: judge(stage.judge),
          pairs: of(`pairs ${stage.set}`),
          form: stage.form,
          ...(stage.form === 'guided' ? { thoughts: thoughts as Json } : {}),
        };
      case 'bench':
        return { judge: judge(stage.judge), how: benchmarks[stage.benchmark] ?? null, form: stage.form };
    }
  };
  return stages.map((stage): Stage => {
    const inputs = key({ kind: stage.kind, ...world, ...parts(stage) });
    known.set(stage.name, inputs);
    return { ...stage, inputs };
  });
}

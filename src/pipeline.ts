import { basename, join, relative } from 'node:path';
import type { RunConfig } from './config.ts';
import { evaluate } from './judging/evaluate.ts';
import type { Json } from './key.ts';
import { scores } from './metrics.ts';
import type { Generation, Model } from './model.ts';
import { makePairs, type PairOptions } from './pairs/make.ts';
import { countDrop, newPairReport } from './pairs/pair.ts';
import { PreferenceCounts } from './preferences/counts.ts';
import { preferenceRows } from './preferences/rows.ts';
import { directRows, sftRows } from './preferences/sft.ts';
import type { JudgeForm } from './prompts/judge-prompt.ts';
import type { PromptSet } from './prompts/set.ts';
import { seedOf } from './random.ts';
import { conduct } from './sampling/conduct.ts';
import type { Work } from './sampling/record.ts';
import type { Instruction } from './source.ts';
import type { Store } from './store.ts';
import { sampleThoughts } from './thoughts/executions.ts';
import { samplePlans } from './thoughts/plans.ts';
import { type Optimisation, type Trainer, type TrainSettings, type TrainStep, trainKey } from './trainer.ts';
import type { Domain, ResponsePair } from './types.ts';

/** The outside world of a run. */
export interface Ports {
  readonly store: Store;
  readonly trainer: Trainer;
  readonly prompts: PromptSet;
  /** The seed model's checkpoint. */
  readonly seedModel: string;
  /** Where checkpoints and training rows go. */
  readonly folder: string;
  open(checkpoint: string): Promise<Model>;
  instructions(set: 'd1' | 'd2' | 'validation', domain: Domain, count: number): readonly Instruction[];
  /** Held-out pairs that judges are measured on. */
  heldOut(split: 'dev' | 'test', domain: Domain, count: number): readonly ResponsePair[];
  /** Copies a checkpoint's folder under a name as it is, as a whole or not at all; what has the name is replaced. */
  copyCheckpoint(from: string, to: string): Promise<void>;
  /** Writes the rows that a stage is trained on to a file of JSON lines, as a whole or not at all. */
  writeRows(name: string, rows: Iterable<object>): Promise<{ readonly path: string; readonly rows: number }>;
  /** Whether that checkpoint and those rows are still there. */
  hasWritten(checkpoint: string, rows: string): boolean;
  readonly observer?: Observer;
  readonly signal?: AbortSignal;
}

export interface Observer {
  stageStarted(name: string, title: string): void;
  progress(name: string, done: number, total: number, tokens: number): void;
  stageFinished(name: string, result: Json): void;
}

/** One step of the plan: done once, then remembered in the ledger. */
interface Stage {
  readonly name: string;
  readonly title: string;
  run(): Promise<Json>;
  /** Whether the files that it wrote are there; none are lost where it wrote none. */
  intact?(): boolean;
}

export type JudgeName = 'M0' | 'M1-SFT' | 'M1-DPO' | 'M2-DPO' | 'direct' | 'unplanned';

const SPEND_MS = 2000;

/** Files of the rows that the judge itself is trained on; those of a control carry its name. */
const ROWS: Readonly<Record<string, string>> = { 'M1-SFT': 'sft', 'M1-DPO': 'dpo-1', 'M2-DPO': 'dpo-2' };

/** Rounds of the control without plans are numbered apart from the judge's own. */
const UNPLANNED_ROUND = 10;

/** The method, in the order of arXiv 2501.18099 section 3. Every stage looks in the ledger for what is missing, does it, and
 * records that it is done; running it again continues where it stopped. */
export async function run(config: RunConfig, ports: Ports): Promise<void> {
  for (const stage of plan(config, ports)) {
    ports.signal?.throwIfAborted();
    // A stage whose files are gone is run again: what it did is in the ledger, and what it trained beside them.
    if (ports.store.stage(stage.name)?.status === 'done' && (stage.intact?.() ?? true)) {
      ports.observer?.stageFinished(stage.name, ports.store.stage(stage.name)?.result ?? null);
      continue;
    }
    ports.observer?.stageStarted(stage.name, stage.title);
    const result = await stage.run();
    ports.store.finishStage(stage.name, result);
    ports.observer?.stageFinished(stage.name, result);
  }
}

/** The stages of a run, finished ones included. */
export function plan(config: RunConfig, ports: Ports): Stage[] {
  const method = new Method(config, ports);
  const { controls } = config;
  const stages: Stage[] = [
    method.pairs('d1'),
    method.pairs('d2'),
    method.pairs('validation'),
    method.judged('M0', 'planned'),

    method.thoughts(1, 'M0', 'd1'),
    method.sft('M1-SFT', 'M0', 1, 'd1'),
    method.judged('M1-SFT', 'planned'),
    method.dpo('M1-DPO', 'M1-SFT', 1, 'd1', 'dpo1'),
    method.judged('M1-DPO', 'planned'),

    method.thoughts(2, 'M1-DPO', 'd2'),
    method.dpo('M2-DPO', 'M1-DPO', 2, 'd2', 'dpo2'),
    method.judged('M2-DPO', 'planned'),
  ];
  if (controls.includes('direct')) stages.push(method.direct(), method.judged('direct', 'direct'));
  if (controls.includes('unplanned')) {
    const [first, second] = [UNPLANNED_ROUND + 1, UNPLANNED_ROUND + 2];
    stages.push(
      method.thoughts(first, 'M0', 'd1', 'unplanned'),
      method.sft('unplanned-SFT', 'M0', first, 'd1', 'unplanned'),
      method.dpo('unplanned-DPO-1', 'unplanned-SFT', first, 'd1', 'dpo1', 'unplanned'),
      method.thoughts(second, 'unplanned-DPO-1', 'd2', 'unplanned'),
      method.dpo('unplanned', 'unplanned-DPO-1', second, 'd2', 'dpo2', 'unplanned'),
      method.judged('unplanned', 'unplanned'),
    );
  }
  return stages;
}

class Method {
  readonly #config: RunConfig;
  readonly #ports: Ports;

  constructor(config: RunConfig, ports: Ports) {
    this.#config = config;
    this.#ports = ports;
  }

  /** Response pairs, labelled by construction. */
  pairs(set: 'd1' | 'd2' | 'validation'): Stage {
    const { seed, instructions, pairs } = this.#config;
    const { store, prompts, seedModel } = this.#ports;
    return this.#stage(`pairs ${set}`, `Response pairs of ${set}`, async (work) => {
      const model = await this.#ports.open(seedModel);
      const { temperature, topP, maxTokens } = pairs;
      const sampling = { temperature, topP, maxTokens };
      const answer = { temperature: pairs.answerTemperature, topP, maxTokens };
      const of = (domain: Domain) => this.#ports.instructions(set, domain, instructions[set][domain]);
      const how: PairOptions = {
        seed: seedOf(seed, set),
        chosen: 'own',
        answer,
        modification: sampling,
        solution: sampling,
        solutions: pairs.solutions,
      };
      const asked = { revision: model.revision, prompts };
      let done = 0;
      const all = [of('general'), of('math')];
      const total = all.flat().length;
      const made = async (list: readonly Instruction[], kind: Domain) => {
        const report = newPairReport();
        const task = (instruction: Instruction) => makePairs(instruction, { ...how, kind }, asked);
        const options = {
          judge: model,
          store,
          signal: work.signal,
          onGenerations: (batch: readonly Generation[]) =>
            work.progress?.(
              done,
              total,
              batch.reduce((sum, { completionTokens }) => sum + completionTokens, 0),
            ),
        };
        for await (const { pairs, dropped } of conduct(list, task, options)) {
          work.progress?.(++done, total, 0);
          report.pairs.push(...pairs);
          for (const [reason, n] of Object.entries(dropped)) countDrop(report, reason, n);
        }
        return report;
      };
      const general = await made(all[0] ?? [], 'general');
      const math = await made(all[1] ?? [], 'math');
      store.putPairs(set, [...general.pairs, ...math.pairs]);
      const count = ({ pairs, dropped }: typeof general) => ({ pairs: pairs.length, dropped });
      return { general: count(general), math: count(math) };
    });
  }

  /** Plans, then executions of each in both orders. */
  thoughts(
    round: number,
    by: string,
    set: 'd1' | 'd2',
    form: Exclude<JudgeForm, 'direct'> = 'planned',
  ): Stage {
    const { store, prompts } = this.#ports;
    const { plans, executions, temperature, topP, maxPlanTokens, maxThoughtTokens } = this.#config.thoughts;
    const title = `Thoughts of ${by} on ${set}${form === 'unplanned' ? ', without plans' : ''}`;
    return this.#stage(`thoughts ${round}`, title, async (work) => {
      const model = await this.#ports.open(this.#checkpoint(by));
      const pairs = [...store.pairs({ split: set })];
      const sampling = { temperature, topP };
      if (form === 'planned') {
        const options = { round, plans, sampling: { ...sampling, maxTokens: maxPlanTokens } };
        await samplePlans(work, model, prompts, pairs, options);
      }
      await sampleThoughts(work, model, prompts, pairs, {
        round,
        form,
        // The control gets as many thoughts of each pair as the judge.
        executions: form === 'planned' ? executions : plans * executions,
        sampling: { ...sampling, maxTokens: maxThoughtTokens },
      });
      const { total, correct } = store.counts().thoughts[round] ?? { total: 0, correct: 0 };
      return { thoughts: total, correct };
    });
  }

  /** SFT on correct thoughts. */
  sft(
    name: string,
    from: string,
    round: number,
    set: 'd1',
    form: Exclude<JudgeForm, 'direct'> = 'planned',
  ): Stage {
    const { seed, sft, preferences } = this.#config;
    const { store, prompts } = this.#ports;
    return this.#training(name, from, form, () => {
      const pairs = store.pairs({ split: set });
      const rows = sftRows(store, prompts, pairs, {
        round,
        form,
        thoughtsPerPair: sft.thoughtsPerPair,
        plans: sft.plans,
        minCorrectShare: preferences.minCorrectShare,
        ...(preferences.consistent ? { consistent: true } : {}),
        seed,
      });
      return { rows, settings: { kind: 'sft', optimisation: this.#optimisation(name, sft) } };
    });
  }

  /** DPO on correct × incorrect thoughts; the start is the reference. */
  dpo(
    name: string,
    from: string,
    round: number,
    set: 'd1' | 'd2',
    options: 'dpo1' | 'dpo2',
    form: Exclude<JudgeForm, 'direct'> = 'planned',
  ): Stage {
    const { seed, preferences } = this.#config;
    const { store, prompts } = this.#ports;
    const { beta, nllWeight, ...optimisation } = this.#config[options];
    return this.#training(name, from, form, () => {
      // Without plans there is one plan, the empty one, and nothing to cross.
      const pairing = form === 'planned' ? preferences.pairing : 'within-plan';
      const maxPerGroup = form === 'planned' ? preferences.maxPerGroup : preferences.maxPerPair;
      const pairs = store.pairs({ split: set });
      const how = { ...preferences, pairing, maxPerGroup, round, form, seed };
      const counts = new PreferenceCounts();
      const optimised = this.#optimisation(name, optimisation);
      return {
        rows: preferenceRows(store, prompts, pairs, how, counts),
        settings: { kind: 'dpo', beta, nllWeight, optimisation: optimised },
        told: () => ({ preferences: { ...counts.report(), beta, nllWeight } }),
      };
    });
  }

  /** Control: verdicts alone, trained on the same pairs. */
  direct(): Stage {
    const { store, prompts } = this.#ports;
    return this.#training('direct', 'M0', 'direct', () => {
      const pairs = (function* () {
        for (const split of ['d1', 'd2']) yield* store.pairs({ split });
      })();
      const optimisation = this.#optimisation('direct', this.#config.direct);
      return { rows: directRows(prompts, pairs), settings: { kind: 'sft', optimisation } };
    });
  }

  /** Judge the held-out pairs. */
  judged(name: JudgeName, form: JudgeForm): Stage {
    const { split, pairsPerDomain } = this.#config.evaluation;
    return this.#stage(`judge ${name}`, `${name} judges the held-out pairs`, async (work) => {
      const domains: Domain[] = ['general', 'math'];
      const pairs = domains.flatMap((domain) => this.#ports.heldOut(split, domain, pairsPerDomain));
      this.#ports.store.putPairs(split, pairs);
      const model = await this.#ports.open(this.#checkpoint(name));
      await this.#judge(work, model, name, split, form, pairs);
      return null;
    });
  }

  #judge(
    work: Work,
    model: Model,
    stage: string,
    split: string,
    form: JudgeForm,
    pairs: readonly ResponsePair[],
  ) {
    const maxTokens = form === 'direct' ? 4 : this.#config.thoughts.maxThoughtTokens;
    return evaluate(work, model, this.#ports.prompts, pairs, { stage, split, form, maxTokens });
  }

  /** Train, then let the validation pairs pick the checkpoint. */
  #training(name: string, from: string, form: JudgeForm, prepare: () => Prepared): Stage {
    const { store, trainer, folder } = this.#ports;
    const rowsName = ROWS[name] ?? name;
    const stage = this.#stage(`train ${name}`, `Training ${name} from ${from}`, async (work) => {
      const { rows: made, settings, told } = prepare();
      const { path, rows } = await this.#ports.writeRows(rowsName, made);
      const model = this.#checkpoint(from);
      // Noted as a stage of its own: one that is killed while its checkpoints are judged does not train again.
      const trained = `steps ${name}`;
      if (store.stage(trained)?.status !== 'done') {
        const how = { ...settings, rows: path };
        const { revision } = await this.#ports.open(model);
        const out = join(folder, 'checkpoints', 'steps', name);
        const job = { ...how, key: await trainKey(revision, how), model, out };
        // Those of an earlier call come again, and were paid for then.
        const known = new Set(Array.from(store.steps(name), ({ step }) => step));
        // Stored one by one: the trainer's own state is then never ahead of the ledger.
        const onStep = (step: TrainStep) => {
          store.putSteps(name, [step]);
          work.progress?.(step.step, step.steps, known.has(step.step) ? 0 : step.tokens);
        };
        const { checkpoints, dropped } = await trainer.train(job, onStep, work.signal);
        store.finishStage(trained, {
          checkpoints: checkpoints.map((path) => relative(folder, path)),
          dropped,
        });
      }
      const result = store.stage(trained)?.result as Trained;
      const written = result.checkpoints.map((path) => join(folder, path));
      // DPO can make a judge worse; then its start stays.
      const candidates = settings.kind === 'dpo' ? [model, ...written] : written;
      const pairs = [...store.pairs({ split: 'validation' })];
      let best = { checkpoint: '', label: '', accuracy: -1 };
      const validation: Record<string, number> = {};
      for (const checkpoint of candidates) {
        const judge = await this.#ports.open(checkpoint);
        const label = `${name}/${checkpoint === model ? 'start' : basename(checkpoint)}`;
        const verdicts = await this.#judge(
          { ...work, progress: () => {} },
          judge,
          label,
          'validation',
          form,
          pairs,
        );
        const accuracy = scores(verdicts).accuracy;
        validation[label] = accuracy;
        // A tie goes to the later one, which has seen more.
        if (accuracy >= best.accuracy) best = { checkpoint, label, accuracy };
      }
      await this.#ports.copyCheckpoint(best.checkpoint, this.#checkpoint(name));
      // A run of an earlier version did not count them.
      return {
        kept: best.label,
        validation,
        rows,
        dropped: result.dropped ?? 0,
        ...told?.(),
      };
    });
    return { ...stage, intact: () => this.#ports.hasWritten(this.#checkpoint(name), rowsName) };
  }

  #checkpoint(name: string): string {
    return name === 'M0' ? this.#ports.seedModel : join(this.#ports.folder, 'checkpoints', name);
  }

  #optimisation(
    name: string,
    options: Pick<Optimisation, 'learningRate' | 'warmupSteps' | 'epochs' | 'batchSize' | 'lora'>,
  ) {
    return { ...this.#config.optimiser, ...options, seed: seedOf(this.#config.seed, name) };
  }

  /** A stage that accounts for its time and tokens. */
  #stage(name: string, title: string, work: (work: Work) => Promise<Json>): Stage {
    const { store, observer, signal } = this.#ports;
    return {
      name,
      title,
      run: async () => {
        let since = performance.now();
        let tokens = 0;
        const spend = () => {
          const now = performance.now();
          store.spend(name, (now - since) / 1000, tokens);
          since = now;
          tokens = 0;
        };
        const progress = (done: number, total: number, more: number) => {
          tokens += more;
          // Now and then, so that a kill does not lose the account.
          if (performance.now() - since > SPEND_MS) spend();
          observer?.progress(name, done, total, more);
        };
        const context: Work = { store, seed: this.#config.seed, progress, ...(signal ? { signal } : {}) };
        try {
          return await work(context);
        } finally {
          spend();
        }
      },
    };
  }
}

interface Trained {
  readonly [name: string]: Json;
  /** Relative to the run's folder. */
  readonly checkpoints: readonly string[];
  readonly dropped?: number;
}

interface Prepared {
  readonly rows: Iterable<object>;
  readonly settings: Without<TrainSettings, 'rows'>;
  /** What the stage's result says besides, once the rows are written. */
  readonly told?: () => { readonly [name: string]: Json };
}

type Without<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Adapter, allLinear, initialiseAdapter } from '../../engine/lora/adapter.ts';
import { readAdapter, writeAdapter } from '../../engine/lora/checkpoint.ts';
import { openCheckpoint } from '../../model/local/checkpoint.ts';
import { random } from '../../random.ts';
import type { DpoJob, SftJob, Trainer, TrainJob } from '../../trainer.ts';
import { openEmbeddedTrainer } from '../open-embedded.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { readTokenRows } from '../token-rows.ts';
import { contractJob, type Kind } from '../trainer.contract.ts';
import { pythonEnv } from './environment.ts';
import { prepare } from './job.ts';
import type { TrlOptions } from './options.ts';
import { TrlTrainer } from './trainer.ts';

const python = inject('python') as string;

/** The batches of all steps as the Python side lays them out: ids and labels of each row that is one. */
const COLLATED = `
import json, sys
from evalplanner_trainer.job import Job
from evalplanner_trainer.rows import DpoCollator, Schedule, SftCollator, read
job = Job.load(sys.argv[1])
rows, steps = read(job)
items = Schedule(steps, 3, 1).dataset
collator = (SftCollator if job.kind == "sft" else DpoCollator)(rows, steps, job.eos)
for item in items:
    if item["row"] >= 0:
        batch = collator([item])
        labels = batch.get("labels")
        if labels is None:
            labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
        weights = batch.get("weights")
        for i, ids in enumerate(batch["input_ids"].tolist()):
            length = int(batch["attention_mask"][i].sum())
            print(json.dumps([item["step"], item["row"], i, ids[:length], labels[i].tolist()[:length],
                weights is not None and weights[i].tolist()[:length]]))
`;
type Collated = readonly [number, number, number, number[], number[], number[] | false];

function expectClose(a: Float32Array, b: Float32Array, bound: number): void {
  expect(a.length).toBe(b.length);
  const apart = a.map((value, i) => Math.abs(value - (b[i] as number)));
  expect(apart.reduce((most, value) => Math.max(most, value), 0)).toBeLessThan(bound);
}

describe.skipIf(python === null)('TRL agrees with the embedded trainer', () => {
  let folder: string;
  let embedded: Trainer;
  const model = () => join(folder, 'M0');
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-agreement-'));
    await writeStart(model());
    embedded = await openEmbeddedTrainer();
  });
  afterAll(async () => {
    await embedded?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function jobOf(name: string, kind: Kind, change: object = {}): Promise<TrainJob> {
    const job = await contractJob(folder, name, kind, { model: model(), optimisation: OPTIMISATION });
    return { ...job, ...change } as SftJob | DpoJob;
  }

  /** Steps and the last weights of both, within what float32 leaves over. */
  async function compare(name: string, job: TrainJob, options: TrlOptions = {}) {
    const theirs = await new TrlTrainer({ python, ...options }).train(job);
    const ours = await embedded.train({ ...job, out: join(folder, `${name}, embedded`) });
    expect(theirs.steps.length).toBe(ours.steps.length);
    for (const [i, { seconds: _, tokens, ...step }] of ours.steps.entries()) {
      const found = theirs.steps[i] as typeof step & { tokens: number };
      expect(found.tokens).toBe(tokens);
      for (const [field, value] of Object.entries(step))
        expect(Math.abs((found as never)[field] - value), `${field} of step ${i + 1}`).toBeLessThan(1e-4);
    }
    expect(theirs.checkpoints.map((path) => path.split('/').at(-1))).toEqual(
      ours.checkpoints.map((path) => path.split('/').at(-1)),
    );
    return { theirs: theirs.checkpoints.at(-1) as string, ours: ours.checkpoints.at(-1) as string };
  }

  async function expectSameWeights({ theirs, ours }: { theirs: string; ours: string }) {
    const [a, b] = [await openCheckpoint(theirs), await openCheckpoint(ours)];
    expect(a.files).toEqual(b.files);
    expect({ ...a.parameters.config, source: null }).toEqual({ ...b.parameters.config, source: null });
    expectClose(a.parameters.flat, b.parameters.flat, 2e-4);
  }

  it.each(['sft', 'dpo'] as const)('in the ids, the masks and the weights of %s', async (kind) => {
    const job = await jobOf(`ids-${kind}`, kind, kind === 'sft' ? { verdictWeight: 5 } : {});
    const state = join(job.out, 'state');
    const { path } = await prepare(job, { state, checkpoint: () => '' } as never, {});
    const script = join(folder, 'collated.py');
    await writeFile(script, COLLATED);
    const said = execFileSync(python, [script, path], { env: pythonEnv(), encoding: 'utf8' });
    const collated = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Collated);

    const { parameters, tokenizer, files } = await openCheckpoint(model());
    const eos = parameters.config.eosTokenIds[0] as number;
    const how = { tokenizer, files, eos, maxLength: 64, ...(kind === 'sft' ? { verdictWeight: 5 } : {}) };
    const { sequences, lengths } = await readTokenRows(job, how);
    const each = kind === 'sft' ? 1 : 2;
    expect(collated.length).toBe(each * lengths.length * OPTIMISATION.epochs);
    const steps = (await readFile(join(state, 'schedule.jsonl'), 'utf8')).trim().split('\n');
    for (const [step, row, i, ids, labels, weights] of collated) {
      const { ids: own, start, weights: mine } = sequences[each * row + i] as (typeof sequences)[number];
      expect(ids).toEqual([...own]);
      expect(labels).toEqual([...own].map((id, at) => (at < start ? -100 : id)));
      if (weights === false) continue;
      const of = (at: number) => sequences[at]?.weights ?? [];
      const total = (JSON.parse(steps[step] as string) as number[]).flatMap(of).reduce((a, b) => a + b, 0);
      const expected = [...own].map((_, at) => (at < start ? 0 : (mine?.[at - start] as number) / total));
      for (const [at, weight] of weights.entries()) expect(weight).toBeCloseTo(expected[at] as number, 6);
    }
  });

  it('in SFT', async () => {
    await expectSameWeights(await compare('sft', await jobOf('sft', 'sft')));
  });

  it('in SFT whose verdicts weigh more, in micro-batches that do not divide a step', async () => {
    const job = await jobOf('weighted', 'sft', { verdictWeight: 5 });
    await expectSameWeights(await compare('weighted', job, { microBatch: 3 }));
  });

  it('in SFT on two processes', async () => {
    const job = await jobOf('two', 'sft');
    await expectSameWeights(await compare('two', job, { processes: 2, microBatch: 1 }));
  });

  it('in DPO with a negative log-likelihood, row by row', async () => {
    await expectSameWeights(await compare('dpo', await jobOf('dpo', 'dpo'), { microBatch: 1 }));
  });

  it.each(['sft', 'dpo'] as const)('in %s of an adapter, which both go on with', async (kind) => {
    const { parameters, files } = await openCheckpoint(model());
    const targets = allLinear(parameters.config);
    const adapter = new Adapter(parameters.config, { rank: 4, alpha: 8, targets });
    initialiseAdapter(adapter, random(1));
    for (const [i, value] of adapter.flat.entries()) adapter.flat[i] = value + 0.02 * Math.sin(i);
    const start = join(folder, `adapter-${kind}`);
    await writeAdapter(start, adapter, { base: model(), extraFiles: files });
    const lora = { rank: 4, alpha: 8, targets: 'all-linear' as const };
    const job = await jobOf(`lora-${kind}`, kind, { model: start, optimisation: { ...OPTIMISATION, lora } });
    const last = await compare(`lora-${kind}`, job);
    const [a, b] = [await readAdapter(last.theirs), await readAdapter(last.ours)];
    const sorted = (of: Adapter) => ({ ...of.lora, targets: [...of.lora.targets].sort() });
    expect(sorted(a.adapter)).toEqual(sorted(b.adapter));
    expect(a.base).toBe(b.base);
    for (const { name } of b.adapter.shapes) expectClose(a.adapter.get(name), b.adapter.get(name), 5e-4);
  });

  it('in what a new adapter is put on, and merged into its base it is a whole model', async () => {
    const lora = { rank: 4, alpha: 8, targets: ['q_proj', 'down_proj'], merge: true };
    const job = await jobOf('merged', 'dpo', { optimisation: { ...OPTIMISATION, epochs: 1, lora } });
    const theirs = await new TrlTrainer({ python, gradientCheckpointing: true }).train(job);
    const ours = await embedded.train({ ...job, out: join(folder, 'merged, embedded') });
    // Where it begins it is the base, whatever it is drawn from.
    expect(Math.abs((theirs.steps[0]?.loss ?? 0) - (ours.steps[0]?.loss ?? 1))).toBeLessThan(1e-4);
    const [a, b] = [await openCheckpoint(theirs.checkpoints.at(-1) as string), await openCheckpoint(model())];
    expect(a.parameters.shapes).toEqual(b.parameters.shapes);
    expect(a.parameters.flat).not.toEqual(b.parameters.flat);
    expect(a.parameters.get('model.embed_tokens.weight')).toEqual(
      b.parameters.get('model.embed_tokens.weight'),
    );
  });

  it('in bfloat16, to what 8 bits leave', async () => {
    const job = await jobOf('bfloat16', 'sft', { optimisation: { ...OPTIMISATION, epochs: 1 } });
    const theirs = await new TrlTrainer({ python, precision: 'bfloat16' }).train(job);
    const ours = await embedded.train({ ...job, out: join(folder, 'bfloat16, embedded') });
    for (const [i, { loss }] of theirs.steps.entries())
      expect(Math.abs(loss - (ours.steps[i]?.loss as number))).toBeLessThan(0.1);
    expect(theirs.steps[0]?.loss).not.toBe(ours.steps[0]?.loss);
  });
});

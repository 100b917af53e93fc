import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type GenerateRequest, type Model, promptText } from '../model.ts';
import { run } from '../pipeline.ts';
import { openStore } from '../store/ledger.ts';
import { rowsFile } from './folder.ts';
import { CONFIG, madeUpRun } from './made-up-run.contract.ts';
import type { Ports } from './stage.ts';

/** Every request, row and verdict of a small scripted run, as digests. The file was made by the program of before the house was
 * rebuilt (94ff067): what keeps behaviour keeps it. A change of prompts or seeds on purpose makes it anew, and says so in
 * docs/log.md. */
const GOLDEN = JSON.parse(
  readFileSync(new URL('../../fixtures/golden-trace.json', import.meta.url), 'utf8'),
) as unknown;

const folder = mkdtempSync(join(tmpdir(), 'evalplanner-trace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const digest = (lines: readonly string[]) =>
  `${lines.length} ${createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)}`;

test('asks, trains and judges what it always has', async () => {
  using store = openStore(join(folder, 'run.db'), { config: {} });
  const made = madeUpRun(store, folder);
  const requests: Record<string, string[]> = {};
  const rows: Record<string, string> = {};
  const jobs: Record<string, string> = {};
  const heard = (model: Model): Model => ({
    ...model,
    generate(asked, ...rest) {
      const stage = made.started.at(-1) as string;
      requests[stage] ??= [];
      const list = requests[stage];
      async function* each(): AsyncGenerator<GenerateRequest> {
        for await (const request of asked) {
          const { prompt, seed, temperature, topP, maxTokens, stop } = request;
          list.push(JSON.stringify([promptText(prompt), seed, temperature, topP, maxTokens, stop ?? null]));
          yield request;
        }
      }
      return model.generate(each(), ...rest);
    },
  });
  const { models, trainer } = made.ports;
  const ports: Ports = {
    ...made.ports,
    models: { ...models, open: async (name) => heard(await models.open(name)) },
    trainer: {
      ...trainer,
      train(job, ...rest) {
        const name = job.out.split('/').at(-1) as string;
        const lines = readFileSync(job.rows, 'utf8').trim().split('\n');
        rows[name] = digest(
          lines.map((line) => {
            const { prompt, chosen, rejected, completion } = JSON.parse(line);
            return JSON.stringify(
              completion === undefined ? [prompt, chosen, rejected] : [prompt, completion],
            );
          }),
        );
        const { betas, ...optimisation } = job.optimisation;
        const method = job.kind === 'dpo' ? { beta: job.beta, nllWeight: job.nllWeight } : {};
        jobs[name] = JSON.stringify(Object.entries({ ...optimisation, kind: job.kind, ...method }).sort());
        expect(job.rows).toBe(rowsFile(folder, job.rows.split('/').at(-1)?.replace('.jsonl', '') ?? ''));
        return trainer.train(job, ...rest);
      },
    },
  };
  await run(CONFIG, ports, made.options);
  const evaluations = Object.fromEntries(
    store
      .stages()
      .filter(({ kind }) => kind === 'judge')
      .map(({ name }) => {
        const judge = name.replace('judge ', '');
        const found = [...store.evaluations({ stage: judge, split: 'dev' })].map(
          ({ order, verdict, correct, text }) => JSON.stringify([order, verdict, correct, text]),
        );
        return [judge, digest(found.sort())];
      }),
  );
  const asked = Object.entries(requests).filter(([, list]) => list.length > 0);
  expect({
    requests: Object.fromEntries(asked.map(([stage, list]) => [stage, digest([...new Set(list)].sort())])),
    rows,
    jobs,
    evaluations,
  }).toEqual(GOLDEN);
});

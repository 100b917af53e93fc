import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { OPTIMISATION } from '../start.contract.ts';
import { contractJob, trainerContract } from '../trainer.contract.ts';
import { type Fault, KEY, MadeUpTogether } from './server.contract.ts';
import { asMessages, optionsOf, underTest, writeChatStart } from './together.contract.ts';
import { TogetherTrainer } from './trainer.ts';

process.env.TOGETHER_API_KEY = KEY;

trainerContract('together', (folder) => underTest(folder, () => {}));

type Faults = (readonly [RegExp, Fault])[];
const times = (n: number, fault: Faults[number]): Faults => Array.from({ length: n }, () => fault);

describe('trains once', () => {
  test.each<[string, Faults]>([
    ['500 once the job is made', [[/POST .*fine-tunes$/, { status: 500 }]]],
    ['429 again and again', times(4, [/POST .*fine-tunes$/, { status: 429 }])],
    ['uploads that are cut', times(2, [/PUT/, 'cut'])],
    ['500 of the upload', [[/POST .*files$/, { status: 500 }]]],
    ['a store that is busy', [[/PUT/, { status: 503 }]]],
    ['a service that looks at files by itself', [[/preprocess/, { status: 404 }]]],
    ['500 while the job goes on', times(9, [/GET .*fine-tunes\/ft-1/, { status: 500 }])],
    ['429 while the job goes on', times(9, [/GET .*fine-tunes\/ft-1/, { status: 429 }])],
    ['cuts while the job goes on', times(9, [/metrics/, 'cut'])],
    ['downloads that are cut', times(4, [/download/, 'cut'])],
    [
      'an archive that ends early',
      [[/download/, { status: 200, body: Buffer.from('KLUv/SQPeQAA', 'base64') }]],
    ],
  ])('after %s', async (_, faults) => {
    const folder = mkdtempSync(join(tmpdir(), 'evalplanner-together-faults-'));
    const model = join(folder, 'M0');
    await writeChatStart(model);
    const server = await MadeUpTogether.start(model);
    try {
      server.faults.push(...faults);
      const job = await contractJob(folder, 'job', 'sft', {
        model,
        optimisation: OPTIMISATION,
        row: asMessages,
      });
      const { steps, checkpoints } = await new TogetherTrainer(optionsOf(model, server.baseUrl)).train(job);
      expect([steps.length, checkpoints.length, server.jobs.length]).toEqual([12, 3, 1]);
      expect(server.faults).toEqual([]);
    } finally {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

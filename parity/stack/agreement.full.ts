import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { PRESETS } from '../../src/cli/demo/presets.ts';
import { type Report, runIn } from '../../src/index.ts';
import type { SetScores } from '../../src/report/run/report.ts';
import { type Stack, startStack, told, withAdapters } from './stack.ts';

const [vllm, ray] = [inject('vllm'), inject('ray')];
const CONFIG = withAdapters(PRESETS.quick);

/** The quick demo's size, which takes an hour or more on two cores. */
describe.skipIf(vllm === null || ray === null)('the quick demo on vLLM, TRL and Ray', () => {
  let folder: string;
  let stack: Stack;
  let theirs: Report;
  let own: Report;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-stack-'));
    own = (await runIn(join(folder, 'own'), CONFIG, { onEvent: told })) as Report;
    stack = await startStack(folder, vllm as string, ray as string);
    theirs = (await runIn(join(folder, 'run'), { ...CONFIG, ...stack.config }, { onEvent: told })) as Report;
    await writeFile('docs/results/stack.md', table(own, theirs));
  }, 14_400_000);
  afterAll(async () => {
    await stack?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('is as good as on the built-in engine at every stage, within their intervals', () => {
    for (const { judge, set, own: ours, theirs } of rows(own, other())) {
      const apart = ours.interval[0] > theirs.interval[1] || theirs.interval[0] > ours.interval[1];
      expect(apart, `${judge} on ${set}`).toBe(false);
    }
  });

  const other = () => theirs;
});

function rows(own: Report, theirs: Report) {
  return own.stages.flatMap(({ name: judge, sets }) =>
    Object.entries(sets).flatMap(([set, scores]) => {
      const other = theirs.stages.find(({ name }) => name === judge)?.sets[set];
      return other ? [{ judge, set, own: scores, theirs: other }] : [];
    }),
  );
}

/** Accuracies of both runs in Markdown. */
function table(own: Report, theirs: Report): string {
  const said = ({ accuracy, interval }: Pick<SetScores, 'accuracy' | 'interval'>) => {
    const [value, low, high] = [accuracy, ...interval].map((share) => (100 * share).toFixed(1));
    return `${value} (${low}–${high})`;
  };
  const lines = rows(own, theirs).map(
    (row) => `| ${row.judge} | ${row.set} | ${said(row.own)} | ${said(row.theirs)} |`,
  );
  return `# The quick demo on vLLM, TRL and Ray

By \`npm run test:stack -- --full\`: accuracy in %, and its 95 % interval. Both with adapters of rank 16, seed ${own.seed}.

| judge | pairs | built-in engine | vLLM, TRL, Ray |
|---|---|---|---|
${lines.join('\n')}
`;
}

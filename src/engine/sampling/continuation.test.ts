import { describe, expect, it } from 'vitest';
import { continuationGraph } from '../llama/continuation.ts';
import { prefillGraph } from '../llama/inference.ts';
import { Int8Weights } from '../llama/int8.ts';
import { SHAPES, tinyParameters, tokens } from '../llama/tiny.contract.ts';
import { addsInt8 } from '../quantization-check.ts';
import { loadGraph } from '../session.ts';
import { Beginnings } from './beginnings.ts';
import { prefillCut } from './continuation.ts';
import { type Prefilled, prefill } from './prefill.ts';

/** On other processors int8 is refused. */
const exact = await addsInt8();
const LONG = 700;

/** Lengths around the blocks; two of them begin alike. */
const SHARED = tokens(40, 7);
const CUT = [
  { prompt: tokens(64, 1), cuts: [33, 37] },
  { prompt: tokens(50, 2), cuts: [1, 49] },
  { prompt: tokens(2, 3), cuts: [1] },
  { prompt: [...SHARED, ...tokens(9, 4)], cuts: [32, 40] },
  { prompt: [...SHARED, ...tokens(20, 5)], cuts: [32, 40] },
];

const numbers = ({ cache, logits }: Prefilled) => [logits, ...cache.layers];

describe.each(SHAPES)('%s', (_, change) => {
  const parameters = tinyParameters(change);

  it('a prompt that is cut has the logits and the cache of the whole', async () => {
    const whole = await loadGraph(prefillGraph(parameters.config, 64), 1);
    const cut = await loadGraph(continuationGraph(parameters.config, 64), 1);
    const expected = await prefill(
      whole,
      parameters,
      CUT.map(({ prompt }) => prompt),
    );
    const found = await prefillCut(cut, parameters, CUT, new Beginnings(1e9));
    for (const [i, one] of found.entries()) {
      expect(one.cache.length).toBe(CUT[i]?.prompt.length);
      for (const [j, values] of numbers(one).entries()) {
        const theirs = numbers(expected[i] as Prefilled)[j] as Float32Array;
        expect(values.length).toBe(theirs.length);
        const apart = values.reduce((most, value, at) => Math.max(most, Math.abs(value - theirs[at]!)), 0);
        expect(apart).toBeLessThan(1e-4);
      }
    }
    await whole.release();
    await cut.release();
  });

  it.each(exact ? [undefined, 'int8' as const] : [undefined])(
    'the same bits alone, in company, and with all or some of it known: %s',
    async (quantization) => {
      const int8 = quantization && new Int8Weights(parameters);
      const session = await loadGraph(continuationGraph(parameters.config, 64, { int8 }), 1);
      const beginnings = new Beginnings(1e9);
      const together = await prefillCut(session, parameters, CUT, beginnings);
      const again = await prefillCut(session, parameters, CUT, beginnings);
      expect(again.map(({ cachedTokens }) => cachedTokens)).toEqual(CUT.map(({ cuts }) => cuts.at(-1)));
      expect(again.map(numbers)).toEqual(together.map(numbers));
      const some = new Beginnings(1e9);
      for (const [i, one] of CUT.entries()) {
        const [alone] = await prefillCut(session, parameters, [one], new Beginnings(0));
        expect(numbers(alone as Prefilled)).toEqual(numbers(together[i] as Prefilled));
        const [after] = await prefillCut(session, parameters, [one], some);
        expect(numbers(after as Prefilled)).toEqual(numbers(together[i] as Prefilled));
        expect([alone?.cachedTokens, after?.cachedTokens]).toEqual([0, i === 4 ? 40 : 0]);
      }
      await session.release();
    },
  );
});

it('a long stretch is cut by itself, and has the logits of the whole', async () => {
  const parameters = tinyParameters({ maxPositionEmbeddings: 1024 });
  const prompts = [tokens(LONG, 1), tokens(LONG + 30, 2)];
  const whole = await loadGraph(prefillGraph(parameters.config, 1024), 1);
  const cut = await loadGraph(continuationGraph(parameters.config, 1024), 1);
  const expected = await prefill(whole, parameters, prompts);
  const beginnings = new Beginnings(1e9);
  const cuts = prompts.map((prompt) => ({ prompt, cuts: [600] }));
  const found = await prefillCut(cut, parameters, cuts, beginnings);
  for (const [i, { logits }] of found.entries())
    for (const [j, value] of logits.entries()) expect(value).toBeCloseTo(expected[i]?.logits[j] as number, 4);
  await whole.release();
  await cut.release();
});

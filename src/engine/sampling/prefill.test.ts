import { expect, it } from 'vitest';
import { prefillGraph } from '../llama/inference.ts';
import { Int8Weights } from '../llama/int8.ts';
import { SHAPES, tinyParameters, tokens } from '../llama/tiny.contract.ts';
import { addsInt8 } from '../quantization-check.ts';
import { loadGraph } from '../session.ts';
import { prefill } from './prefill.ts';

/** On other processors int8 is refused. */
const exact = await addsInt8();
const prompts = [4, 9, 33].map((length) => tokens(length, length));

it.skipIf(!exact).each(SHAPES)('int8 rounds and does nothing else: %s', async (_, change) => {
  const parameters = tinyParameters(change);
  const logits = async (int8?: Int8Weights) => {
    const session = await loadGraph(prefillGraph(parameters.config, 64, { int8 }), 1);
    const results = await prefill(session, parameters, prompts);
    await session.release();
    return results.flatMap((result) => [...result.logits]);
  };
  const [whole, rounded] = [await logits(), await logits(new Int8Weights(parameters))];
  const size = (values: readonly number[]) => Math.hypot(...values);
  const apart = size(whole.map((value, i) => value - rounded[i]!)) / size(whole);
  expect(apart).toBeGreaterThan(1e-4);
  expect(apart).toBeLessThan(0.1);
});

import { describe, expect, it } from 'vitest';
import { TINY, tinyParameters } from '../llama/tiny.contract.ts';
import { sequenceRandom } from '../sampling/random.ts';
import { Adapter, allLinear, initialiseAdapter, loraPairs, loraShapes } from './adapter.ts';
import { mergeAdapter } from './merge.ts';
import { LORA, tinyAdapter } from './tiny.contract.ts';

describe('an adapter', () => {
  it('has A [r, in] and B [out, r] for each target, under PEFT’s names', () => {
    const shapes = loraShapes(TINY, { ...LORA, targets: ['k_proj', 'layers.1.mlp.down_proj'] });
    const at = (module: string) => `base_model.model.model.layers.${module}`;
    expect(shapes).toEqual([
      { name: at('0.self_attn.k_proj.lora_A.weight'), shape: [3, 16] },
      { name: at('0.self_attn.k_proj.lora_B.weight'), shape: [32, 3] },
      { name: at('1.self_attn.k_proj.lora_A.weight'), shape: [3, 16] },
      { name: at('1.self_attn.k_proj.lora_B.weight'), shape: [32, 3] },
      { name: at('1.mlp.down_proj.lora_A.weight'), shape: [3, 20] },
      { name: at('1.mlp.down_proj.lora_B.weight'), shape: [16, 3] },
    ]);
    expect(loraShapes(TINY, LORA)).toHaveLength(2 * 2 * allLinear(TINY).length);
  });

  it('begins as PEFT’s: A uniform in ±1/√in, B zero; a function of its seed', async () => {
    const lora = { ...LORA, rank: 64 };
    const adapter = new Adapter(TINY, lora);
    adapter.flat.fill(9);
    initialiseAdapter(adapter, sequenceRandom(1));
    for (const { a, b, input } of loraPairs(TINY, lora)) {
      const values = adapter.get(a);
      const bound = 1 / Math.sqrt(input);
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
      // The variance of that uniform is bound² / 3.
      const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
      expect(variance / (bound ** 2 / 3)).toBeGreaterThan(0.8);
      expect(variance / (bound ** 2 / 3)).toBeLessThan(1.2);
      expect(adapter.get(b).every((value) => value === 0)).toBe(true);
    }
    const again = new Adapter(TINY, lora);
    initialiseAdapter(again, sequenceRandom(1));
    expect(again.flat).toEqual(adapter.flat);
    const parameters = tinyParameters();
    await mergeAdapter(parameters, adapter, 1);
    expect(parameters.flat).toEqual(tinyParameters().flat);
  });

  it('merges as W + (α/r) B A', async () => {
    const [parameters, adapter] = [tinyParameters(), tinyAdapter()];
    await mergeAdapter(parameters, adapter, 1);
    const before = tinyParameters();
    const merged = new Set<string>();
    for (const { weight, a, b, input, output } of loraPairs(TINY, LORA)) {
      merged.add(weight);
      for (let o = 0; o < output; o++) {
        for (let i = 0; i < input; i++) {
          let sum = 0;
          for (let r = 0; r < 3; r++) sum += adapter.get(b)[o * 3 + r]! * adapter.get(a)[r * input + i]!;
          const expected = before.get(weight)[o * input + i]! + (12 / 3) * sum;
          expect(parameters.get(weight)[o * input + i]).toBeCloseTo(expected, 5);
        }
      }
    }
    for (const { name } of before.shapes) {
      if (!merged.has(name)) expect(parameters.get(name)).toEqual(before.get(name));
    }
  });
});

import type { LlamaConfig } from '../llama/config.ts';
import { ATTENTION, FUSED, MLP } from '../llama/family.ts';
import { parameterShapes } from '../llama/parameters.ts';
import { FlatTensors, type TensorShape } from '../tensors.ts';

/** The modules that an adapter can be put on: all linear layers but the head. */
const LINEAR = new Set<string>([...ATTENTION, ...MLP, ...FUSED]);

/** LoRA (arXiv 2106.09685): y = x Wᵀ + (α/r) (x Aᵀ) Bᵀ with W frozen. There is no dropout on the way to A. */
export interface LoraConfig {
  /** r */
  readonly rank: number;
  /** α */
  readonly alpha: number;
  /** Names of modules, or the ends of their paths, as PEFT matches them: `q_proj`, `layers.0.mlp.up_proj`. */
  readonly targets: readonly string[];
}

/** One linear layer and its two adapter matrices, all by their full names: A [r, in], B [out, r]. */
export interface LoraPair {
  readonly weight: string;
  readonly a: string;
  readonly b: string;
  readonly input: number;
  readonly output: number;
}

/** PEFT's names of a module's two adapter matrices. */
export function loraNames(module: string): { readonly a: string; readonly b: string } {
  const path = `base_model.model.${module}`;
  return { a: `${path}.lora_A.weight`, b: `${path}.lora_B.weight` };
}

/** The names by which a module can be a target: its path and every end of it. */
function endsOf(module: string): string[] {
  const parts = module.split('.');
  return parts.map((_, i) => parts.slice(i).join('.'));
}

function linearLayers(model: LlamaConfig): { readonly module: string; readonly shape: readonly number[] }[] {
  return parameterShapes(model).flatMap(({ name, shape }) => {
    const parts = name.split('.');
    const isLinear = parts.pop() === 'weight' && LINEAR.has(parts.at(-1) as string);
    return isLinear ? [{ module: parts.join('.'), shape }] : [];
  });
}

/** The names of a model's linear layers, which PEFT calls all-linear. */
export function allLinear(model: LlamaConfig): string[] {
  return [...new Set(linearLayers(model).map(({ module }) => module.split('.').at(-1) as string))];
}

/** Every layer of the model that the adapter is on. */
export function loraPairs(model: LlamaConfig, { targets }: LoraConfig): LoraPair[] {
  const wanted = new Set(targets);
  return linearLayers(model)
    .filter(({ module }) => endsOf(module).some((end) => wanted.has(end)))
    .map(({ module, shape }) => {
      const [output, input] = shape as [number, number];
      return { weight: `${module}.weight`, ...loraNames(module), input, output };
    });
}

/** The targets that are no linear layer of the model. */
export function unknownTargets(model: LlamaConfig, targets: readonly string[]): string[] {
  const known = new Set(linearLayers(model).flatMap(({ module }) => endsOf(module)));
  return targets.filter((target) => !known.has(target));
}

export function loraShapes(model: LlamaConfig, lora: LoraConfig): TensorShape[] {
  return loraPairs(model, lora).flatMap(({ a, b, input, output }) => [
    { name: a, shape: [lora.rank, input] },
    { name: b, shape: [output, lora.rank] },
  ]);
}

/** The trainable weights of a LoRA training; everything else of the model is frozen. */
export class Adapter extends FlatTensors {
  readonly model: LlamaConfig;
  readonly lora: LoraConfig;

  constructor(model: LlamaConfig, lora: LoraConfig, buffer?: SharedArrayBuffer) {
    super(loraShapes(model, lora), buffer);
    this.model = model;
    this.lora = lora;
  }

  /** α / r */
  get scale(): number {
    return this.lora.alpha / this.lora.rank;
  }
}

/** PEFT's initialisation, with which the model starts as it was: A Kaiming-uniform with a = √5, which for [r, in] is
 * uniform in ±1/√in; B zero. `uniform` gives numbers in [0, 1). */
export function initialiseAdapter(adapter: Adapter, uniform: () => number): void {
  for (const { a, b, input } of loraPairs(adapter.model, adapter.lora)) {
    const bound = 1 / Math.sqrt(input);
    const values = adapter.get(a);
    for (let i = 0; i < values.length; i++) values[i] = bound * (2 * uniform() - 1);
    adapter.get(b).fill(0);
  }
}

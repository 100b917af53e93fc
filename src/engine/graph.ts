import type { Device } from './device.ts';
import {
  type Attribute,
  type DataType,
  ELEMENT,
  encodeModel,
  type OnnxConstant,
  type OnnxNode,
  type OnnxTensor,
  type TensorData,
} from './onnx.ts';

/** One dimension: a number, or a product of symbols and numbers such as `B*T`, bound when the graph is run. */
export type Dim = number | string;

/** A tensor of the graph: a name, a shape and an element type. */
export interface Value {
  readonly name: string;
  readonly shape: readonly Dim[];
  readonly type: DataType;
}

/** Given the gradient of an op's output, the gradients of its inputs (null: that input takes none). */
type Gradient = (outputGradient: Value) => readonly (Value | null)[];

interface Recorded {
  readonly output: Value;
  readonly inputs: readonly Value[];
  readonly gradient: Gradient;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** The product of two dimensions. */
export function times(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1) return a;
  if (a === 0 || b === 0) return 0;
  return typeof a === 'number' && typeof b === 'number' ? a * b : `${a}*${b}`;
}

/** The number that a dimension stands for. */
export function bind(dim: Dim, symbols: Readonly<Record<string, number>>): number {
  if (typeof dim === 'number') return dim;
  return dim.split('*').reduce((product, factor) => {
    const value = symbols[factor] ?? Number(factor);
    if (Number.isNaN(value)) throw new Error(`dimension ${factor} is not bound`);
    return product * value;
  }, 1);
}

/** Inputs that hold a symbolic shape are called by it; whoever runs the graph feeds them (see shapeFeeds). */
export const SHAPE_INPUT = 'shape:';

/** An ONNX graph under construction, and the tape that its gradients are built from. */
export class Graph {
  /** What it will run on: a few ops are built otherwise where a provider is known to compute them wrongly. */
  readonly device: Device;
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxTensor[] = [];
  readonly #outputs: OnnxTensor[] = [];
  readonly #constants: OnnxConstant[] = [];
  readonly #tape: Recorded[] = [];
  readonly #known = new Map<string, Value>();
  #count = 0;

  constructor(device: Device = 'cpu') {
    this.device = device;
  }

  input(name: string, shape: readonly Dim[], type: DataType = 'float32'): Value {
    this.#inputs.push({ name, shape, type });
    return { name, shape, type };
  }

  /** A constant; the same key gives the same constant. */
  constant(key: string, shape: readonly number[], make: () => TensorData): Value {
    const known = this.#known.get(key);
    if (known) return known;
    const data = make();
    const value: Value = { name: `const_${key}`, shape, type: typeOf(data) };
    this.#constants.push({ ...value, data });
    this.#known.set(key, value);
    return value;
  }

  scalar(value: number): Value {
    return this.constant(`scalar_${value}`, [], () => Float32Array.of(value));
  }

  /** A list of integers, as ONNX takes shapes and axes. */
  integers(values: readonly number[]): Value {
    return this.constant(`integers_${values.join('_')}`, [values.length], () =>
      BigInt64Array.from(values, BigInt),
    );
  }

  /** A shape as a tensor: a constant where all of it is known, else an input that is fed when the graph is run. */
  shape(shape: readonly Dim[]): Value {
    if (shape.every((dim) => typeof dim === 'number')) return this.integers(shape);
    const name = `${SHAPE_INPUT}${shape.join(',')}`;
    const known = this.#known.get(name);
    if (known) return known;
    const value = this.input(name, [shape.length], 'int64');
    this.#known.set(name, value);
    return value;
  }

  /** One ONNX node with one output. A null input is an optional one that is left out. */
  node(
    type: string,
    inputs: readonly (Value | null)[],
    shape: readonly Dim[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
    dataType: DataType = 'float32',
  ): Value {
    return this.nodes(type, inputs, [shape], attributes, domain, dataType)[0] as Value;
  }

  /** One ONNX node with several outputs of one element type. */
  nodes(
    type: string,
    inputs: readonly (Value | null)[],
    shapes: readonly (readonly Dim[])[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
    dataType: DataType = 'float32',
  ): Value[] {
    const outputs = shapes.map((shape) => ({ name: `${type}_${this.#count++}`, shape, type: dataType }));
    this.#nodes.push({
      type,
      domain,
      inputs: inputs.map((input) => input?.name ?? ''),
      outputs: outputs.map((output) => output.name),
      attributes,
    });
    return outputs;
  }

  /** Record how gradients flow back through an op, and return its output. */
  differentiable(output: Value, inputs: readonly Value[], gradient: Gradient): Value {
    this.#tape.push({ output, inputs, gradient });
    return output;
  }

  /** Make a value an output of the model under a name of its own. */
  output(name: string, value: Value): void {
    this.#nodes.push({ type: 'Identity', domain: '', inputs: [value.name], outputs: [name], attributes: {} });
    this.#outputs.push({ name, shape: value.shape, type: value.type });
  }

  /** The value of `build(x)`, whose gradient computes what lies between again instead of keeping it (activation
   * checkpointing). Every op of `build` whose value its gradient needs has to depend on x. */
  recomputed(x: Value, build: (x: Value) => Value): Value {
    const start = this.#tape.length;
    const output = build(x);
    const steps = this.#tape.splice(start);
    const made = new Set(steps.map((step) => step.output.name));
    const used = new Map(steps.flatMap((step) => step.inputs).map((input) => [input.name, input]));
    const inputs = [...used.values()].filter(({ name }) => name !== x.name && !made.has(name));
    return this.differentiable(output, [x, ...inputs], (dOutput) => {
      const again = this.after(x, [dOutput]);
      const seed = build(again);
      const parts = new Map([[seed.name, [dOutput]]]);
      this.#backwards(this.#tape.splice(this.#tape.length - steps.length), parts);
      const [dx, ...others] = [again, ...inputs].map(({ name }) => this.#sum(parts.get(name) ?? []));
      if (!dx) return [null, ...others];
      // All that the value computed again is for, before the walk goes on: then it is freed.
      return [
        this.after(
          dx,
          others.filter((other) => other !== null),
        ),
        ...others,
      ];
    });
  }

  /** x, computed no sooner than the other values: to the shape that it is given the sum of none of their elements is added.
   * Without the wait the runtime would compute first, or find equal to what it has, and keep, what is computed again to save
   * memory. (It folds what it can know before: a shape alone would not do.) Where all of x's shape is known there is no wait:
   * the runtime would make one reshape of several, and fail at it. */
  after(x: Value, values: readonly Value[]): Value {
    if (x.shape.every((dim) => typeof dim === 'number')) return x;
    const start = this.integers([0]);
    let shape = this.shape(x.shape);
    for (const value of values) {
      const empty = this.node('Slice', [value, start, start, start], [0, ...value.shape.slice(1)]);
      const none = this.node('Cast', [empty], empty.shape, { to: ELEMENT.int64 }, '', 'int64');
      const nothing = this.node('ReduceSum', [none], [], { keepdims: 0 }, '', 'int64');
      shape = this.node('Add', [shape, nothing], shape.shape, {}, '', 'int64');
    }
    return this.node('Reshape', [x, shape], x.shape);
  }

  /** ∂loss/∂target for each target, by walking the tape backwards; a target the loss does not depend on is an error. */
  gradients(loss: Value, targets: readonly Value[]): Value[] {
    const parts = new Map<string, Value[]>([[loss.name, [this.scalar(1)]]]);
    this.#backwards([...this.#tape], parts);
    return targets.map((target) => {
      const total = this.#sum(parts.get(target.name) ?? []);
      if (total === null) throw new Error(`the loss does not depend on ${target.name}`);
      return total;
    });
  }

  /** Adds to `parts`, the gradients by name, those that flow back through the recorded steps. */
  #backwards(steps: readonly Recorded[], parts: Map<string, Value[]>): void {
    for (const { output, inputs, gradient } of steps.toReversed()) {
      const total = this.#sum(parts.get(output.name) ?? []);
      if (total === null) continue;
      for (const [i, part] of gradient(total).entries()) {
        const input = inputs[i] as Value;
        if (part === null) continue;
        parts.set(input.name, [...(parts.get(input.name) ?? []), part]);
      }
    }
  }

  #sum(parts: readonly Value[]): Value | null {
    if (parts.length <= 1) return parts[0] ?? null;
    // The runtime fuses a product and a sum of two into one node, which is slower and upsets its order (see lastFirst).
    return this.node(parts.length === 2 ? 'Add' : 'Sum', parts, (parts[0] as Value).shape);
  }

  /** The bytes of the ONNX model, without the nodes that no output needs. */
  encode(): Uint8Array {
    const needed = new Set(this.#outputs.map(({ name }) => name));
    const nodes = this.#nodes.toReversed().filter((node) => {
      const used = node.outputs.some((output) => needed.has(output));
      if (used) for (const input of node.inputs) needed.add(input);
      return used;
    });
    return encodeModel({
      nodes: lastFirst(nodes.toReversed()),
      inputs: this.#inputs,
      outputs: this.#outputs,
      constants: this.#constants,
    });
  }
}

function typeOf(data: TensorData): DataType {
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Uint8Array) return 'uint8';
  if (data instanceof Int8Array) return 'int8';
  return data instanceof Int32Array ? 'int32' : 'int64';
}

/** The nodes with those at the end that nothing but an output needs, in the outputs' order. The runtime computes the last
 * node that nothing else needs first, and of the others what that one needs. With gradients named from the first layer to
 * the last it so takes those of the last layer as soon as it has gone back that far, and frees its activations; in the
 * order in which they are built it would go back to the first layer, keeping everything, before it takes any. */
function lastFirst(nodes: readonly OnnxNode[]): OnnxNode[] {
  const uses = new Map<string, number>();
  for (const name of nodes.flatMap(({ inputs }) => inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const ends = new Set<OnnxNode>();
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  for (const node of nodes) {
    if (node.outputs.some((output) => uses.has(output))) continue;
    const [source] = node.inputs as [string];
    const maker = makers.get(source);
    if (
      maker &&
      uses.get(source) === 1 &&
      maker.outputs.every((output) => output === source || !uses.has(output))
    )
      ends.add(maker);
    ends.add(node);
  }
  return [...nodes.filter((node) => !ends.has(node)), ...ends];
}

// Grows an ONNX graph node by node while keeping track of the dims of the values that rules ask about.
import { numberOf } from '../onnx/dataTypes';
import type { Attribute, OnnxNode } from '../onnx/model';
import type { FloatType } from '../tensor/dtype';
import { elementCount, floats, int64, type Tensor } from '../tensor/tensor';
import type { Windows } from './windows';

/** Attributes in short form: integers and lists of them are ints, `{ float }` is a float, strings are strings. */
export type ShortAttributes = Readonly<
  Record<string, number | readonly number[] | string | { readonly float: number }>
>;

/** The domain of ONNX Runtime's own operators (FusedMatMul). */
export const microsoftDomain = 'com.microsoft';

/**
 * What a value is, beyond the nodes that compute it: the blocked layout (`blocked.ts`) has better ways for these.
 * `inputGradient` is the adjoint of a convolution applied to `dy`; `kernelGradient` its derivative by the kernel,
 * summed over the samples; `kernelGradients` the same for each sample; `tileGradient` the adjoint of max pooling over
 * windows that tile the input; `channelsLast` a value [N, C, …] as [N, positions, C].
 */
export type Meaning =
  | {
      readonly kind: 'inputGradient';
      readonly dy: string;
      readonly kernel: string;
      readonly windows: Windows;
      readonly group: number;
    }
  | ({ readonly kind: 'kernelGradient' } & KernelGradient)
  | ({ readonly kind: 'kernelGradients' } & KernelGradient)
  | { readonly kind: 'channelsLast'; readonly x: string }
  | {
      readonly kind: 'tileGradient';
      readonly x: string;
      readonly y: string;
      readonly dy: string;
      readonly windows: Windows;
    };

interface KernelGradient {
  readonly x: string;
  readonly dy: string;
  readonly windows: Windows;
  readonly group: number;
}

/** A growing list of nodes and constants. Names it makes never collide with names that the model uses. */
export class GraphBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, Tensor>();
  /** Values of computed integers (shapes, pads, axes) that do not depend on the data. */
  readonly knownInts = new Map<string, readonly number[]>();
  /** Values that a pass over the finished graph may compute in another way. */
  readonly meanings = new Map<string, Meaning>();
  private readonly dimsByName = new Map<string, readonly number[]>();
  private readonly memo = new Map<string, string>();
  private counter = 0;

  constructor(
    private readonly prefix = 'lethe',
    /** The type that all floating values of the graph have. */
    readonly float: FloatType = 'float32',
  ) {}

  /** The dims of a value. Throws a TypeError for one whose dims nobody declared. */
  dims(name: string): readonly number[] {
    const dims = this.dimsByName.get(name);
    if (!dims) throw new TypeError(`The dims of ${name} are not known.`);
    return dims;
  }

  /** Whether the dims of a value are known. */
  hasDims(name: string): boolean {
    return this.dimsByName.has(name);
  }

  /** Declares the dims of a value, and returns its name. */
  declare(name: string, dims: readonly number[]): string {
    this.dimsByName.set(name, dims);
    return name;
  }

  /** A fresh name. */
  fresh(hint: string): string {
    return `${this.prefix}/${this.counter++}_${hint}`;
  }

  /** Adds a node with one output of known dims, and returns the output's name. */
  op(
    opType: string,
    inputs: readonly string[],
    dims: readonly number[],
    attributes: ShortAttributes = {},
    domain = '',
  ): string {
    const [output] = this.multi(opType, inputs, [dims], attributes, domain);
    return output as string;
  }

  /** Adds a node with several outputs of known dims, and returns their names. */
  multi(
    opType: string,
    inputs: readonly string[],
    outputDims: readonly (readonly number[])[],
    attributes: ShortAttributes = {},
    domain = '',
  ): string[] {
    const name = this.fresh(opType);
    const outputs = outputDims.map((dims, index) => this.declare(index ? `${name}:${index}` : name, dims));
    this.nodes.push({ name, opType, domain, inputs, outputs, attributes: longAttributes(attributes) });
    return outputs;
  }

  /** Says what a value is, and returns its name. */
  mark(name: string, meaning: Meaning): string {
    this.meanings.set(name, meaning);
    return name;
  }

  /** Adds a node as it is. */
  push(node: OnnxNode): void {
    this.nodes.push(node);
  }

  /** A floating constant; equal ones are shared. */
  floats(dims: readonly number[], values: readonly number[]): string {
    return this.constant('f', floats(this.float, dims, values), values);
  }

  /** A floating constant of rank 0. */
  scalar(value: number): string {
    return this.floats([], [value]);
  }

  /** An int64 constant of rank 1; equal ones are shared. */
  ints(values: readonly number[]): string {
    return this.constant('i', int64([values.length], values), values);
  }

  /** A large floating constant, not shared. */
  table(dims: readonly number[], values: ArrayLike<number>): string {
    return this.tensor(floats(this.float, dims, values));
  }

  /** A large constant, not shared. */
  tensor(tensor: Tensor): string {
    const name = this.fresh('constant');
    this.constants.set(name, tensor);
    return this.declare(name, tensor.dims);
  }

  private constant(kind: string, tensor: Tensor, values: readonly number[]): string {
    const key = `${kind}[${tensor.dims.join()}]${values.join()}`;
    let name = this.memo.get(key);
    if (name === undefined) {
      name = this.tensor(tensor);
      this.memo.set(key, name);
    }
    return name;
  }

  // Short forms that most rules use.

  /** [N, C, …] as [N, positions, C]. */
  channelsLast(x: string): string {
    const [samples, channels, ...spatial] = this.dims(x) as [number, number, ...number[]];
    const flat = this.reshape(x, [samples, channels, elementCount(spatial)]);
    return this.mark(this.transpose(flat, [0, 2, 1]), { kind: 'channelsLast', x });
  }

  /** An elementwise operation of two values of which the first has the dims of the result. */
  binary(opType: 'Add' | 'Sub' | 'Mul' | 'Div', a: string, b: string): string {
    return this.op(opType, [a, b], broadcastDims(this.dims(a), this.dims(b)));
  }

  /** An elementwise operation of one value. */
  unary(opType: string, x: string, attributes: ShortAttributes = {}): string {
    return this.op(opType, [x], this.dims(x), attributes);
  }

  /** The product with a number; the value itself for 1. */
  scale(x: string, factor: number): string {
    return factor === 1 ? x : this.binary('Mul', x, this.scalar(factor));
  }

  /** The value in another shape; the value itself when it has it already. */
  reshape(x: string, dims: readonly number[]): string {
    const from = this.dims(x);
    if (sameDims(from, dims)) return x;
    if (elementCount(from) !== elementCount(dims))
      throw new TypeError(`Cannot reshape ${from.join('×')} to ${dims.join('×')}.`);
    // allowzero: a dimension of 0 means 0, not "as the input".
    return this.op('Reshape', [x, this.ints(dims)], dims, { allowzero: 1 });
  }

  /** The value with permuted axes. */
  transpose(x: string, perm: readonly number[]): string {
    if (perm.every((axis, index) => axis === index)) return x;
    const from = this.dims(x);
    return this.op(
      'Transpose',
      [x],
      perm.map(axis => from[axis] as number),
      { perm },
    );
  }

  /** The sum over axes. Scattered axes are summed in runs from the back: far faster in ONNX Runtime than at once. */
  sum(x: string, axes: readonly number[], keepDims = false): string {
    if (axes.length === 0) return x;
    const dims = this.dims(x);
    const sorted = [...axes].sort((a, b) => b - a);
    let result = x;
    let current = [...dims];
    for (let start = 0; start < sorted.length;) {
      let end = start + 1;
      while (end < sorted.length && sorted[end] === (sorted[end - 1] as number) - 1) end++;
      const run = sorted.slice(start, end).reverse();
      current = current.map((dim, axis) => (run.includes(axis) ? 1 : dim));
      result = this.op('ReduceSum', [result, this.ints(run)], current, { keepdims: 1 });
      start = end;
    }
    if (keepDims) return result;
    return this.reshape(
      result,
      dims.filter((_, axis) => !axes.includes(axis)),
    );
  }

  /** The sum of values of equal dims. */
  total(values: readonly string[]): string {
    if (values.length === 1) return values[0] as string;
    return values.length === 2
      ? this.binary('Add', values[0] as string, values[1] as string)
      : this.op('Sum', values, this.dims(values[0] as string));
  }

  /**
   * The matrix product of the last two axes, either operand transposed in place (ONNX Runtime's FusedMatMul: no
   * copy of the transposed operand). Leading axes broadcast.
   */
  matmul(a: string, b: string, options: { transA?: boolean; transB?: boolean; alpha?: number } = {}): string {
    const [da, db] = [this.dims(a), this.dims(b)];
    const rows = da[da.length - (options.transA ? 1 : 2)] as number;
    const columns = db[db.length - (options.transB ? 2 : 1)] as number;
    const dims = [...broadcastDims(da.slice(0, -2), db.slice(0, -2)), rows, columns];
    const alpha = options.alpha ?? 1;
    if (!options.transA && !options.transB && alpha === 1) return this.op('MatMul', [a, b], dims);
    return this.op(
      'FusedMatMul',
      [a, b],
      dims,
      { transA: options.transA ? 1 : 0, transB: options.transB ? 1 : 0, alpha: { float: alpha } },
      microsoftDomain,
    );
  }

  /** The value repeated to `dims` by broadcasting. */
  expand(x: string, dims: readonly number[]): string {
    return sameDims(this.dims(x), dims) ? x : this.op('Expand', [x, this.ints(dims)], dims);
  }

  /** A part of a value along axes (ends exclusive, positive steps). */
  slice(
    x: string,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps: readonly number[] = axes.map(() => 1),
  ): string {
    const dims = [...this.dims(x)];
    let whole = true;
    axes.forEach((axis, index) => {
      const [start, end, step] = [starts[index]!, ends[index]!, steps[index]!];
      if (start !== 0 || end !== dims[axis] || step !== 1) whole = false;
      dims[axis] = Math.ceil((end - start) / step);
    });
    if (whole) return x;
    return this.op('Slice', [x, this.ints(starts), this.ints(ends), this.ints(axes), this.ints(steps)], dims);
  }

  /** Values joined along an axis. */
  concat(values: readonly string[], axis: number): string {
    if (values.length === 1) return values[0] as string;
    const dims = [...this.dims(values[0] as string)];
    dims[axis] = values.reduce((total, value) => total + (this.dims(value)[axis] as number), 0);
    return this.op('Concat', values, dims, { axis });
  }

  /** The value with zeros (or `value`) around it; `before` and `after` hold one number an axis. */
  pad(x: string, before: readonly number[], after: readonly number[], value = 0): string {
    if ([...before, ...after].every(count => count === 0)) return x;
    const dims = this.dims(x).map((dim, axis) => dim + before[axis]! + after[axis]!);
    // Without a value it is zero, of whatever type x has.
    const filling = value === 0 ? [] : [this.scalar(value)];
    return this.op('Pad', [x, this.ints([...before, ...after]), ...filling], dims, { mode: 'constant' });
  }

  /** The value as a floating one of the graph's type. */
  toFloat(x: string): string {
    return this.cast(x, numberOf(this.float));
  }

  /** The value in another element type. `to` is an ONNX data type number (1 float32, 11 float64, 7 int64). */
  cast(x: string, to: number): string {
    return this.op('Cast', [x], this.dims(x), { to });
  }
}

/** The dims of elementwise results under ONNX's (NumPy's) broadcasting. Throws a TypeError when they do not fit. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, index) => {
    const x = a[index - rank + a.length] ?? 1;
    const y = b[index - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new TypeError(`Shapes ${a.join('×')} and ${b.join('×')} do not broadcast.`);
    return x === 1 ? y : x;
  });
}

/** Whether two shapes are equal. */
export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, index) => dim === b[index]);
}

function longAttributes(short: ShortAttributes): Map<string, Attribute> {
  const result = new Map<string, Attribute>();
  for (const [key, value] of Object.entries(short)) {
    if (typeof value === 'number') result.set(key, { type: 'int', value });
    else if (typeof value === 'string') result.set(key, { type: 'string', value });
    else if ('float' in value) result.set(key, { type: 'float', value: value.float });
    else result.set(key, { type: 'ints', value });
  }
  return result;
}

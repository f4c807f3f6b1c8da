// Grows the ONNX graph that a TensorFlow.js model is translated to, and keeps the layout of every value.
import type { Attribute, OnnxNode, StoredTensor } from '../onnx/model';
import { upgradePrefix } from '../onnx/upgrade';
import type { DType } from '../tensor/dtype';
import { float32, int64, type Tensor } from '../tensor/tensor';
import type { StoredWeight } from './manifest';

/** A size, or null where it depends on the data. */
export type Size = number | null;

/**
 * A value of the graph. `dims` are those that TensorFlow.js gives it, whatever the layout; null where they are not known
 * because something before it has no translation. In the layout `channels-first` the elements lie with the last axis
 * moved behind the first, as ONNX convolutions want them; only translators of layers see that.
 */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly Size[] | null;
  readonly layout: 'plain' | 'channels-first';
}

/** A value whose dims are known. */
export interface KnownValue extends Value {
  readonly dims: readonly Size[];
}

/** An attribute in short form: integers are ints, `{ float }` and `{ floats }` are floats, texts are strings. */
export type ShortAttribute =
  | number
  | readonly number[]
  | string
  | readonly string[]
  | { readonly float: number }
  | { readonly floats: readonly number[] };

/** Attributes by name. */
export type ShortAttributes = Readonly<Record<string, ShortAttribute>>;

/** A layer or operator that cannot be written as ONNX operators; `message` ends a sentence that begins with it. */
export class Untranslatable extends Error {
  override readonly name = 'Untranslatable';
}

/** A growing graph. Names of nodes and values begin with the scope, the name of the layer at hand. */
export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, StoredTensor | Tensor>();
  /** The name of the layer or operator at hand. */
  scope = '';
  private readonly used = new Set<string>();
  private readonly moved = new Map<string, string>();
  private readonly constants = new Map<string, string>();
  private readonly read = new Map<string, KnownValue>();

  /** Names that the graph's inputs and stored tensors have are taken. */
  constructor(
    private readonly weights: ReadonlyMap<string, StoredWeight>,
    reserved: Iterable<string> = [],
  ) {
    for (const name of [...weights.keys(), ...reserved]) this.used.add(name);
  }

  /** A name that nothing has yet. */
  fresh(hint: string): string {
    const base = this.scope === '' ? hint : `${this.scope}/${hint}`;
    let name = base;
    for (let copy = 1; this.used.has(name); copy++) name = `${base}_${copy}`;
    this.used.add(name);
    return name;
  }

  /** Adds a node with one output; gives the name of the output. */
  op(opType: string, inputs: readonly string[], attributes: ShortAttributes = {}, domain = ''): string {
    return this.multi(opType, inputs, 1, attributes, domain)[0]!;
  }

  /** Adds a node with several outputs; gives their names. */
  multi(
    opType: string,
    inputs: readonly string[],
    outputs: number,
    attributes: ShortAttributes = {},
    domain = '',
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.fresh(opType));
    this.nodes.push({
      name: names[0]!,
      opType,
      domain,
      inputs,
      outputs: names,
      attributes: new Map(Object.entries(attributes).map(([key, value]) => [key, longAttribute(value)])),
    });
    return names;
  }

  /** Runs something that may fail; what it added to the graph is taken back then. */
  attempt<T>(action: () => T): T {
    const count = this.nodes.length;
    try {
      return action();
    } catch (error) {
      this.nodes.length = count;
      throw error;
    }
  }

  /** A constant of the translation; not one of the file's tensors. */
  constant(tensor: Tensor): string {
    const key = `${tensor.dtype}[${tensor.dims.join()}]${tensor.data.length <= 64 ? String(tensor.data) : `#${this.constants.size}`}`;
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const name = `${upgradePrefix}tfjs_${this.constants.size}`;
    this.initializers.set(name, tensor);
    this.constants.set(key, name);
    return name;
  }

  /** Integers as a constant of rank 1: shapes, axes, pads. */
  ints(values: readonly number[]): string {
    return this.constant(int64([values.length], values));
  }

  /** A float as a constant of rank 0. */
  scalar(value: number): string {
    return this.constant(float32([], [value]));
  }

  /** A weight of the file as a value; undefined where there is none of that name. */
  weight(name: string): KnownValue | undefined {
    const known = this.read.get(name);
    if (known) return known;
    const weight = this.weights.get(name);
    if (!weight) return undefined;
    const { tensor, dtype } = weight;
    this.initializers.set(name, tensor);
    const value: KnownValue = {
      name: this.dequantised(name, weight),
      dtype,
      dims: tensor.dims,
      layout: 'plain',
    };
    this.read.set(name, value);
    return value;
  }

  /** The names of all weights. */
  weightNames(): Iterable<string> {
    return this.weights.keys();
  }

  private dequantised(name: string, { affine, dtype }: StoredWeight): string {
    if (affine === null) return name;
    const scope = this.scope;
    this.scope = name;
    const scaled = this.op('DequantizeLinear', [name, this.scalar(affine.scale)]);
    const shifted = this.op('Add', [scaled, this.scalar(affine.min)]);
    // ONNX has its own numbers for types: 6 is int32.
    const result = dtype === 'int32' ? this.op('Cast', [this.op('Round', [shifted])], { to: 6 }) : shifted;
    this.scope = scope;
    return result;
  }

  /** The value with its elements in the order of its dims. */
  plain(value: Value): Value {
    if (value.layout === 'plain') return value;
    const rank = value.dims!.length;
    const perm = [0, ...range(2, rank), 1];
    return { ...value, name: this.rearranged(value.name, perm), layout: 'plain' };
  }

  /** The value with its last axis behind the first. */
  channelsFirst(value: KnownValue): KnownValue {
    if (value.layout === 'channels-first' || value.dims.length < 3) return value;
    const rank = value.dims.length;
    const perm = [0, rank - 1, ...range(1, rank - 1)];
    return { ...value, name: this.rearranged(value.name, perm), layout: 'channels-first' };
  }

  /** The elements of a value in another order of axes; asked for twice, it is the same value. */
  rearranged(name: string, perm: readonly number[]): string {
    if (perm.every((from, to) => from === to)) return name;
    const key = `${perm.join()} ${name}`;
    const known = this.moved.get(key);
    if (known !== undefined && this.nodes.some(node => node.outputs.includes(known))) return known;
    const result = this.op('Transpose', [name], { perm });
    this.moved.set(key, result);
    const back = perm.map((_, axis) => perm.indexOf(axis));
    this.moved.set(`${back.join()} ${result}`, name);
    return result;
  }
}

function longAttribute(value: ShortAttribute): Attribute {
  if (typeof value === 'number') return { type: 'int', value };
  if (typeof value === 'string') return { type: 'string', value };
  if ('floats' in value) return { type: 'floats', value: value.floats };
  if ('float' in value) return { type: 'float', value: value.float };
  return isTexts(value) ? { type: 'strings', value } : { type: 'ints', value };
}

function isTexts(value: readonly number[] | readonly string[]): value is readonly string[] {
  return typeof value[0] === 'string';
}

/** The whole numbers from `start` to before `end`. */
export function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
}

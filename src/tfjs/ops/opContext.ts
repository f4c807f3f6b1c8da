// What a rule that translates a TensorFlow operator is handed, and what the rules share.
import { isStored } from '../../onnx/model';
import { readTensor } from '../../onnx/readTensor';
import type { DType } from '../../tensor/dtype';
import { elementCount, elementReader, type Tensor } from '../../tensor/tensor';
import { Untranslatable, type Emitter, type KnownValue, type Size, type Value } from '../emitter';
import type { GraphNode } from './graphNode';

/** What translates one operator: its inputs are values whose dims are known. */
export type OpRule = (c: OpContext, inputs: readonly KnownValue[]) => Value | readonly Value[];

/** An operator at hand. */
export interface OpContext {
  readonly e: Emitter;
  readonly node: GraphNode;
  readonly integers: KnownIntegers;
}

/** Longer lists of integers than these are data, not shapes or axes. */
const mostIntegers = 1024;

/** Integers whose elements are known before any data come: shapes, axes, and what is computed from them. */
export class KnownIntegers {
  private readonly found = new Map<string, readonly Size[]>();

  constructor(private readonly e: Emitter) {}

  /** The elements of an integer or boolean value, null for one that the data decide; null where nothing is known. */
  of({ name, dtype }: Value): readonly Size[] | null {
    const known = this.found.get(name);
    if (known) return known;
    const stored = this.e.initializers.get(name);
    const integral = dtype === 'int32' || dtype === 'bool';
    if (!stored || !integral || stored.dtype === 'string' || elementCount(stored.dims) > mostIntegers)
      return null;
    const tensor: Tensor = isStored(stored) ? readTensor(stored) : stored;
    const read = elementReader(tensor);
    const elements = Array.from({ length: tensor.data.length }, (_, index) => read(index));
    this.found.set(name, elements);
    return elements;
  }

  note(name: string, elements: readonly Size[]): void {
    if (elements.length <= mostIntegers) this.found.set(name, elements);
  }
}

/** A value in the order of its dims. */
export function plain(dims: readonly Size[], name: string, dtype: DType = 'float32'): KnownValue {
  return { name, dtype, dims, layout: 'plain' };
}

/** A value of known integers: a constant where all of them are known, else what `emit` adds to the graph. */
export function integerValue(
  { e, integers }: OpContext,
  dims: readonly Size[],
  elements: readonly Size[] | null,
  emit: () => string,
): KnownValue {
  if (elements && elements.length <= mostIntegers && elements.every(element => element !== null)) {
    const name = e.constant({
      dtype: 'int32',
      dims: dims as number[],
      data: Int32Array.from(elements as number[]),
    });
    return plain(dims, name, 'int32');
  }
  const name = emit();
  if (elements) integers.note(name, elements);
  return plain(dims, name, 'int32');
}

/** The elements of an operand that must be known. Throws an Untranslatable that names it by what it is. */
export function knownIntegers(
  { integers }: OpContext,
  value: KnownValue | undefined,
  what: string,
): number[] {
  const elements = value && integers.of(value);
  if (!elements || elements.some(element => element === null)) {
    throw new Untranslatable(`computes its ${what} from the data`);
  }
  return elements as number[];
}

/** ONNX wants shapes and the like as int64. */
export function asInt64({ e, integers }: OpContext, value: KnownValue): string {
  const elements = integers.of(value);
  if (elements && value.dims.length === 1 && elements.every(element => element !== null))
    return e.ints(elements as number[]);
  return e.op('Cast', [value.name], { to: 7 });
}

/** ONNX's numbers of the element types that graphs compute with. */
export const typeNumbers: Readonly<Partial<Record<DType, number>>> = { float32: 1, int32: 6, bool: 9 };

/** An axis of the dims of a value as it lies in memory. */
export function physicalAxis({ dims, layout }: KnownValue, axis: number): number {
  const last = dims.length - 1;
  if (layout === 'plain' || axis === 0) return axis;
  return axis === last ? 1 : axis + 1;
}

/** An axis counted from the front. Throws an Untranslatable for one that is not there. */
export function countedAxis(axis: number, rank: number): number {
  const counted = axis < 0 ? axis + rank : axis;
  if (counted < 0 || counted >= rank)
    throw new Untranslatable(`runs along axis ${axis} of a value with ${rank}`);
  return counted;
}

/** The value in the order of its dims. */
export function inOrder({ e }: OpContext, value: KnownValue): KnownValue {
  return e.plain(value) as KnownValue;
}

/** The product of sizes; null where one of them depends on the data. */
export function productOf(sizes: readonly Size[]): Size {
  return sizes.reduce<Size>(
    (product, size) => (product === null || size === null ? null : product * size),
    1,
  );
}

/** The dims of two values broadcast against each other. */
export function broadcast(a: readonly Size[], b: readonly Size[]): Size[] {
  const rank = Math.max(a.length, b.length);
  const at = (dims: readonly Size[], axis: number): Size => {
    const own = axis - (rank - dims.length);
    return own < 0 ? 1 : dims[own]!;
  };
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [at(a, axis), at(b, axis)];
    if (left === 1) return right;
    if (right === 1) return left;
    if (left !== null && right !== null && left !== right) {
      throw new Untranslatable(`takes values of the shapes ${shape(a)} and ${shape(b)}, which do not fit`);
    }
    return left ?? right;
  });
}

/** A shape in a message. */
export function shape(dims: readonly Size[]): string {
  return `[${dims.map(dim => dim ?? '?').join(', ')}]`;
}

/** Requires operands of some element types. Throws an Untranslatable that says what it got. */
export function requireTypes(inputs: readonly KnownValue[], types: readonly DType[], what = 'takes'): void {
  for (const { dtype } of inputs) {
    if (!types.includes(dtype)) throw new Untranslatable(`${what} ${types.join(' or ')}, but gets ${dtype}`);
  }
}
